package config

import (
	"log/slog"
	"math"
	"net/http"
	"time"

	"clients/cmd/clients/internal/natsconn"
	"clients/eventstore/embedded"
	"clients/transport"
	"clients/transport/credentials"
	"clients/transport/reload"
)

// Serve holds the settings of the service as text.
type Serve struct {
	HTTPAddr          string `name:"http-addr" env:"CLIENTS_HTTP_ADDR" default:"127.0.0.1:8080" help:"Address of the API. Loopback only without logins."`
	AllowedHosts      string `name:"allowed-hosts" env:"CLIENTS_ALLOWED_HOSTS" default:"" help:"Host names, comma-separated and without ports, that a service without logins accepts as Host beside loopback. With and without logins, web pages of these hosts may send cross-origin requests."`
	OpsAddr           string `name:"ops-addr" env:"CLIENTS_OPS_ADDR" default:"127.0.0.1:8081" help:"Address of /livez, /readyz, /metrics, /version, /openapi.yaml, /asyncapi.yaml, /EVENTS.md and /schemas/."`
	natsconn.Settings `set:"without_nats_url=an embedded server"`
	DataDir           string `name:"data-dir" env:"CLIENTS_DATA_DIR" default:"./clients-data" help:"Store of the embedded server. Not used with an external NATS."`
	EmbeddedNATSAddr  string `name:"embedded-nats-addr" env:"CLIENTS_EMBEDDED_NATS_ADDR" default:"127.0.0.1:4222" help:"Address of the embedded server for other services and the nats command, loopback only. Port 0 picks a free one; off: a free port for the administrator alone. The address in use is in the file nats-address of the data directory."`
	StreamReplicas    string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream that is created: 1, 3 or 5. Default: 1 embedded, 3 external."`
	CredentialsDir    string `name:"credentials-dir" env:"CLIENTS_CREDENTIALS_DIR" default:"" help:"Folder of <account>.htpasswd files with lines user:<bcrypt hash>, such as a mounted Kubernetes Secret. Reloaded on change. Empty: no logins, one account."`
	TrustedProxies    string `name:"trusted-proxies" env:"CLIENTS_TRUSTED_PROXIES" default:"" help:"Networks whose X-Forwarded-For is used as the caller's address, comma-separated, such as 10.0.0.0/8,2001:db8::/32."`
	DefaultCurrency   string `name:"default-currency" env:"CLIENTS_DEFAULT_CURRENCY" default:"United States Dollars - USD" help:"Currency of a client created without one."`
	ReadConsistency   string `name:"read-consistency" env:"CLIENTS_READ_CONSISTENCY" default:"strong" help:"strong: a read shows every write acknowledged before it. eventual: it may be behind."`
	RateLimit         string `name:"rate-limit" env:"CLIENTS_RATE_LIMIT" default:"0" help:"Requests per user per 15 s and process. 0: no limit."`
	FeedLimit         string `name:"feed-limit" env:"CLIENTS_FEED_LIMIT" default:"16" help:"Open feeds per user and process. 0: no feeds."`
	ScrubInterval     string `name:"scrub-interval" env:"CLIENTS_SCRUB_INTERVAL" default:"24h" help:"How often the whole stream is re-read in the background, by one replica at a time. 0 disables it."`
	LogLevel          string `name:"log-level" env:"CLIENTS_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat         string `name:"log-format" env:"CLIENTS_LOG_FORMAT" default:"auto" help:"json: all output is JSON, one object per line. text. auto: the log is text on a terminal, otherwise JSON; what is printed when the service is ready or fails to start is text."`
	AccessLog         string `name:"access-log" env:"CLIENTS_ACCESS_LOG" default:"all" help:"Requests to log: all, errors (responses with a status of 400 or more), or off."`
	TLSCert           string `name:"tls-cert" env:"CLIENTS_TLS_CERT" default:"" help:"File with the certificate of the API, which then serves HTTPS. Reloaded on change, like the key."`
	TLSKey            string `name:"tls-key" env:"CLIENTS_TLS_KEY" default:"" help:"File with the key of that certificate."`
	ShutdownDelay     string `name:"shutdown-delay" env:"CLIENTS_SHUTDOWN_DELAY" default:"0" help:"How long readiness fails before the listener closes, such as 5s, at most 10s."`
}

// Config is the valid configuration of the service.
type Config struct {
	HTTPAddr        string
	API             transport.API // what the settings say about it
	OpsAddr         string
	NATS            natsconn.Settings // without URL: an embedded server
	Embedded        embedded.Config   // of the embedded server
	StreamReplicas  int
	Credentials     *credentials.Folder // nil: no logins
	DefaultCurrency string
	ScrubInterval   time.Duration // 0: never
	LogLevel        slog.Level
	LogFormat       string
	Certificate     *reload.Certificate // nil: no TLS
	ShutdownDelay   time.Duration
}

const (
	maxShutdownDelay = 10 * time.Second // the rest of the shutdown takes 25 s at most
	maxScrubInterval = 365 * 24 * time.Hour
)

// Config checks all settings. The error is Faults.
func (c *Serve) Config() (Config, error) {
	var f Faults
	loopbackOnly := "without CLIENTS_CREDENTIALS_DIR"
	if c.CredentialsDir != "" {
		loopbackOnly = ""
	}
	config := Config{
		HTTPAddr: f.address("CLIENTS_HTTP_ADDR", c.HTTPAddr, loopbackOnly),
		API: transport.API{
			Hosts:          transport.Hosts{Allowed: f.hosts("CLIENTS_ALLOWED_HOSTS", c.AllowedHosts), Any: c.CredentialsDir != ""},
			TrustedProxies: f.networks("CLIENTS_TRUSTED_PROXIES", c.TrustedProxies),
			Eventual:       f.oneOf("CLIENTS_READ_CONSISTENCY", c.ReadConsistency, "strong", "eventual") == "eventual",
			RateLimit:      f.count("CLIENTS_RATE_LIMIT", c.RateLimit),
			FeedLimit:      f.count("CLIENTS_FEED_LIMIT", c.FeedLimit),
			LogFrom:        loggedFrom[f.oneOf("CLIENTS_ACCESS_LOG", c.AccessLog, "all", "errors", "off")],
		},
		OpsAddr:         f.address("CLIENTS_OPS_ADDR", c.OpsAddr, ""),
		NATS:            f.NATS(c.Settings),
		Embedded:        c.embedded(&f),
		StreamReplicas:  f.Replicas(c.StreamReplicas, c.URL != ""),
		Credentials:     f.credentials("CLIENTS_CREDENTIALS_DIR", c.CredentialsDir),
		DefaultCurrency: f.currency("CLIENTS_DEFAULT_CURRENCY", c.DefaultCurrency),
		ScrubInterval:   f.duration("CLIENTS_SCRUB_INTERVAL", c.ScrubInterval, maxScrubInterval),
		LogLevel:        f.level("CLIENTS_LOG_LEVEL", c.LogLevel),
		LogFormat:       f.oneOf("CLIENTS_LOG_FORMAT", c.LogFormat, "text", "json", "auto"),
		Certificate:     f.certificate(c.TLSCert, c.TLSKey),
		ShutdownDelay:   f.duration("CLIENTS_SHUTDOWN_DELAY", c.ShutdownDelay, maxShutdownDelay),
	}
	return config, f.Err()
}

// loggedFrom maps CLIENTS_ACCESS_LOG to the lowest status of a response that is logged.
var loggedFrom = map[string]int{"all": 0, "errors": http.StatusBadRequest, "off": math.MaxInt}

// embedded returns the configuration of the embedded server.
func (c *Serve) embedded(f *Faults) embedded.Config {
	e := embedded.Config{Dir: f.folder("CLIENTS_DATA_DIR", c.DataDir), Addr: "127.0.0.1:0", Partners: embedded.NoPartners}
	if c.EmbeddedNATSAddr == "off" {
		return e
	}
	e.Addr = f.address("CLIENTS_EMBEDDED_NATS_ADDR", c.EmbeddedNATSAddr, "since the embedded server has no TLS")
	e.Partners = embedded.PartnersNeedNone
	if c.CredentialsDir != "" {
		e.Partners = embedded.PartnersLogIn
	}
	return e
}
