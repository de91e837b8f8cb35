package main

import (
	"log/slog"
	"net/netip"
	"time"

	"clients/eventstore/embedded"
	"clients/transport"
	"clients/transport/credentials"
)

// serveCommand holds the settings of the service as they are given: all of them as text, so that all their faults can
// be told at once. Each is a flag and an environment variable.
type serveCommand struct {
	HTTPAddr         string `name:"http-addr" env:"CLIENTS_HTTP_ADDR" default:"127.0.0.1:8080" help:"Where the API listens. Without logins on loopback only."`
	AllowedHosts     string `name:"allowed-hosts" env:"CLIENTS_ALLOWED_HOSTS" default:"" help:"Further host names, comma-separated and without ports, that requests to a service without logins may be for. Pages of browsers that come from there may send requests, also with logins."`
	OpsAddr          string `name:"ops-addr" env:"CLIENTS_OPS_ADDR" default:"127.0.0.1:8081" help:"Where /livez, /readyz, /metrics and /version listen."`
	natsFlags        `set:"without_nats_url=an embedded server"`
	DataDir          string `name:"data-dir" env:"CLIENTS_DATA_DIR" default:"./clients-data" help:"Where the embedded server keeps its store. Not used with an external NATS."`
	EmbeddedNATSAddr string `name:"embedded-nats-addr" env:"CLIENTS_EMBEDDED_NATS_ADDR" default:"127.0.0.1:4222" help:"Where the embedded server listens for other services and the nats command, on loopback only. Port 0 picks a free one; off: a free port for the administrator alone. The address in use is in the file nats-address of the data directory."`
	StreamReplicas   string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream that is created. 1 embedded, 3 external by default, where it may be 1, 3 or 5."`
	CredentialsDir   string `name:"credentials-dir" env:"CLIENTS_CREDENTIALS_DIR" default:"" help:"Folder of <account>.htpasswd files with a line user:<bcrypt hash> for each user, as a mounted Kubernetes Secret. It is read again when it changes. Empty: no logins, one account."`
	TrustedProxies   string `name:"trusted-proxies" env:"CLIENTS_TRUSTED_PROXIES" default:"" help:"Networks whose X-Forwarded-For is used as the caller's address, comma-separated, as 10.0.0.0/8,2001:db8::/32."`
	DefaultCurrency  string `name:"default-currency" env:"CLIENTS_DEFAULT_CURRENCY" default:"United States Dollars - USD" help:"For a client created without one."`
	ReadConsistency  string `name:"read-consistency" env:"CLIENTS_READ_CONSISTENCY" default:"strong" help:"strong: a read shows every write answered before it. eventual: it may be a moment behind."`
	RateLimit        string `name:"rate-limit" env:"CLIENTS_RATE_LIMIT" default:"0" help:"Requests per user per 15 s, 0 for no limit. Each process counts by itself."`
	ScrubInterval    string `name:"scrub-interval" env:"CLIENTS_SCRUB_INTERVAL" default:"24h" help:"How often the whole stream is re-read in the background, by one replica at a time. 0 disables it."`
	LogLevel         string `name:"log-level" env:"CLIENTS_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat        string `name:"log-format" env:"CLIENTS_LOG_FORMAT" default:"auto" help:"text, json, or auto: text on a terminal, else json."`
	TLSCert          string `name:"tls-cert" env:"CLIENTS_TLS_CERT" default:"" help:"File with the certificate of the API, which then speaks HTTPS. It is read again when it changes, as is the key."`
	TLSKey           string `name:"tls-key" env:"CLIENTS_TLS_KEY" default:"" help:"File with the key of that certificate."`
	ShutdownDelay    string `name:"shutdown-delay" env:"CLIENTS_SHUTDOWN_DELAY" default:"0" help:"How long readiness fails before the listener closes, as 5s, at most 10s."`
}

// settings are the settings as they are used.
type settings struct {
	httpAddr         string
	allowedHosts     []string
	opsAddr          string
	nats             natsSettings
	dataDir          string
	embeddedNATSAddr string // noPartners for the administrator alone
	streamReplicas   int
	credentials      *credentials.Folder // nil: no logins
	trustedProxies   []netip.Prefix
	defaultCurrency  string
	eventualReads    bool
	rateLimit        int
	scrubInterval    time.Duration // 0: never
	logLevel         slog.Level
	logFormat        string
	certificate      *transport.Certificate // nil: no TLS
	shutdownDelay    time.Duration
	traced           bool // by the variables of OpenTelemetry
}

// maxShutdownDelay leaves time for the rest of the shutdown, which takes 25 s at most.
const maxShutdownDelay = 10 * time.Second

// maxScrubInterval is a year.
const maxScrubInterval = 365 * 24 * time.Hour

// settings reads all settings, or tells all their faults.
func (c *serveCommand) settings() (settings, error) {
	var f settingFaults
	loopbackOnly := "without logins (CLIENTS_CREDENTIALS_DIR) the API is served on loopback only"
	if c.CredentialsDir != "" {
		loopbackOnly = ""
	}
	s := settings{
		httpAddr:         f.address("CLIENTS_HTTP_ADDR", c.HTTPAddr, loopbackOnly),
		allowedHosts:     f.hosts("CLIENTS_ALLOWED_HOSTS", c.AllowedHosts),
		opsAddr:          f.address("CLIENTS_OPS_ADDR", c.OpsAddr, ""),
		nats:             c.natsSettings(&f),
		dataDir:          f.folder("CLIENTS_DATA_DIR", c.DataDir),
		embeddedNATSAddr: f.embeddedAddress("CLIENTS_EMBEDDED_NATS_ADDR", c.EmbeddedNATSAddr),
		streamReplicas:   f.replicas("CLIENTS_STREAM_REPLICAS", c.StreamReplicas, c.NATSURL != ""),
		credentials:      f.credentials("CLIENTS_CREDENTIALS_DIR", c.CredentialsDir),
		trustedProxies:   f.networks("CLIENTS_TRUSTED_PROXIES", c.TrustedProxies),
		defaultCurrency:  f.currency("CLIENTS_DEFAULT_CURRENCY", c.DefaultCurrency),
		eventualReads:    f.oneOf("CLIENTS_READ_CONSISTENCY", c.ReadConsistency, "strong", "eventual") == "eventual",
		rateLimit:        f.count("CLIENTS_RATE_LIMIT", c.RateLimit),
		scrubInterval:    f.duration("CLIENTS_SCRUB_INTERVAL", c.ScrubInterval, maxScrubInterval),
		logLevel:         f.level("CLIENTS_LOG_LEVEL", c.LogLevel),
		logFormat:        f.oneOf("CLIENTS_LOG_FORMAT", c.LogFormat, "text", "json", "auto"),
		certificate:      f.certificate(c.TLSCert, c.TLSKey),
		shutdownDelay:    f.duration("CLIENTS_SHUTDOWN_DELAY", c.ShutdownDelay, maxShutdownDelay),
		traced:           f.traced(),
	}
	if f != nil {
		return settings{}, f
	}
	return s, nil
}

// noPartners is the address of an embedded server that nobody but the administrator can connect to.
const noPartners = "off"

// partnerAccess is how other services log in to the embedded server.
func (s settings) partnerAccess() embedded.PartnerAccess {
	switch {
	case s.embeddedNATSAddr == noPartners:
		return embedded.NoPartners
	case s.credentials != nil:
		return embedded.PartnersLogIn
	}
	return embedded.PartnersNeedNone
}

// embeddedListenAddr is where the embedded server listens.
func (s settings) embeddedListenAddr() string {
	if s.embeddedNATSAddr == noPartners {
		return "127.0.0.1:0"
	}
	return s.embeddedNATSAddr
}
