package main

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"clients/domain"
)

// serveCommand holds the settings of the service as they are given: all of them as text, so that all their faults can
// be told at once. Each is a flag and an environment variable.
type serveCommand struct {
	HTTPAddr         string `name:"http-addr" env:"CLIENTS_HTTP_ADDR" default:"127.0.0.1:8080" help:"Where the API listens. Without logins on loopback only."`
	OpsAddr          string `name:"ops-addr" env:"CLIENTS_OPS_ADDR" default:"127.0.0.1:8081" help:"Where /livez, /readyz, /metrics and /version listen."`
	NATSURL          string `name:"nats-url" env:"CLIENTS_NATS_URL" default:"" help:"NATS servers, comma-separated. Empty: an embedded server. (Not served yet.)"`
	NATSCreds        string `name:"nats-creds" env:"CLIENTS_NATS_CREDS" default:"" help:"NATS credentials file. (Not served yet.)"`
	NATSCA           string `name:"nats-ca" env:"CLIENTS_NATS_CA" default:"" help:"Certificate authority of the NATS servers. (Not served yet.)"`
	NATSCert         string `name:"nats-cert" env:"CLIENTS_NATS_CERT" default:"" help:"Certificate for the NATS servers. (Not served yet.)"`
	NATSKey          string `name:"nats-key" env:"CLIENTS_NATS_KEY" default:"" help:"Key of that certificate. (Not served yet.)"`
	DataDir          string `name:"data-dir" env:"CLIENTS_DATA_DIR" default:"./clients-data" help:"Where the embedded server keeps its store."`
	EmbeddedNATSAddr string `name:"embedded-nats-addr" env:"CLIENTS_EMBEDDED_NATS_ADDR" default:"127.0.0.1:4222" help:"Where the embedded server listens, on loopback only. Port 0 picks a free one."`
	StreamReplicas   string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream: 1 embedded, 3 external."`
	CredentialsDir   string `name:"credentials-dir" env:"CLIENTS_CREDENTIALS_DIR" default:"" help:"Folder of <account>.htpasswd files. (Not served yet.)"`
	DefaultCurrency  string `name:"default-currency" env:"CLIENTS_DEFAULT_CURRENCY" default:"United States Dollars - USD" help:"For a client created without one."`
	ReadConsistency  string `name:"read-consistency" env:"CLIENTS_READ_CONSISTENCY" default:"strong" help:"strong: a read shows every write answered before it. eventual: it may be a moment behind."`
	RateLimit        string `name:"rate-limit" env:"CLIENTS_RATE_LIMIT" default:"0" help:"Requests per user per 15 s, 0 for no limit. (Not served yet.)"`
	LogLevel         string `name:"log-level" env:"CLIENTS_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat        string `name:"log-format" env:"CLIENTS_LOG_FORMAT" default:"" help:"text or json. Empty: text on a terminal, else json."`
	TLSCert          string `name:"tls-cert" env:"CLIENTS_TLS_CERT" default:"" help:"Certificate of the API. (Not served yet.)"`
	TLSKey           string `name:"tls-key" env:"CLIENTS_TLS_KEY" default:"" help:"Key of that certificate. (Not served yet.)"`
	ShutdownDelay    string `name:"shutdown-delay" env:"CLIENTS_SHUTDOWN_DELAY" default:"0" help:"How long readiness fails before the listener closes, as 5s, at most 10s."`
}

// settings are the settings as they are used.
type settings struct {
	httpAddr         string
	opsAddr          string
	dataDir          string
	embeddedNATSAddr string
	streamReplicas   int
	defaultCurrency  string
	eventualReads    bool
	logLevel         slog.Level
	logFormat        string
	shutdownDelay    time.Duration
}

// settingFaults tells everything that is wrong with the settings, a line each.
type settingFaults []string

func (f settingFaults) Error() string { return strings.Join(f, "\n") }

// maxShutdownDelay leaves time for the rest of the shutdown, which takes 25 s at most.
const maxShutdownDelay = 10 * time.Second

// settings reads all settings, or tells all their faults.
func (c *serveCommand) settings() (settings, error) {
	var faults settingFaults
	fault := func(variable, format string, args ...any) {
		faults = append(faults, variable+": "+fmt.Sprintf(format, args...))
	}
	s := settings{
		httpAddr: c.HTTPAddr, opsAddr: c.OpsAddr, dataDir: c.DataDir, embeddedNATSAddr: c.EmbeddedNATSAddr,
		streamReplicas: 1, defaultCurrency: c.DefaultCurrency, eventualReads: c.ReadConsistency == "eventual", logFormat: c.LogFormat,
	}
	for variable, value := range map[string]string{
		"CLIENTS_NATS_URL": c.NATSURL, "CLIENTS_NATS_CREDS": c.NATSCreds, "CLIENTS_NATS_CA": c.NATSCA, "CLIENTS_NATS_CERT": c.NATSCert,
		"CLIENTS_NATS_KEY": c.NATSKey, "CLIENTS_CREDENTIALS_DIR": c.CredentialsDir, "CLIENTS_TLS_CERT": c.TLSCert, "CLIENTS_TLS_KEY": c.TLSKey,
	} {
		if value != "" {
			fault(variable, "is not served by this release")
		}
	}
	checkAddress := func(variable, addr string, loopbackOnly string) {
		host, _, err := splitAddress(addr)
		if err != nil {
			fault(variable, "%q is not host:port", addr)
		} else if loopbackOnly != "" && !loopback(host) {
			fault(variable, "%q is not a loopback address: %s", addr, loopbackOnly)
		}
	}
	checkAddress("CLIENTS_HTTP_ADDR", c.HTTPAddr, "without logins the API is served on loopback only")
	checkAddress("CLIENTS_OPS_ADDR", c.OpsAddr, "")
	checkAddress("CLIENTS_EMBEDDED_NATS_ADDR", c.EmbeddedNATSAddr, "the embedded server knows no logins")
	if c.DataDir == "" {
		fault("CLIENTS_DATA_DIR", "is empty")
	}
	if c.StreamReplicas != "" && c.StreamReplicas != "1" {
		fault("CLIENTS_STREAM_REPLICAS", "%q is not 1, all that the embedded server can hold", c.StreamReplicas)
	}
	if _, err := domain.Decide(domain.Client{}, domain.CreateClient{ID: 1, Draft: domain.Draft{Name: new("x")}, DefaultCurrency: c.DefaultCurrency}); err != nil {
		fault("CLIENTS_DEFAULT_CURRENCY", "%v", err)
	}
	if c.ReadConsistency != "strong" && c.ReadConsistency != "eventual" {
		fault("CLIENTS_READ_CONSISTENCY", "%q is neither strong nor eventual", c.ReadConsistency)
	}
	if n, err := strconv.ParseUint(c.RateLimit, 10, 31); err != nil {
		fault("CLIENTS_RATE_LIMIT", "%q is not a number of requests", c.RateLimit)
	} else if n > 0 {
		fault("CLIENTS_RATE_LIMIT", "is not served by this release")
	}
	if err := s.logLevel.UnmarshalText([]byte(c.LogLevel)); err != nil {
		fault("CLIENTS_LOG_LEVEL", "%q is none of debug, info, warn, error", c.LogLevel)
	}
	if c.LogFormat != "" && c.LogFormat != "text" && c.LogFormat != "json" {
		fault("CLIENTS_LOG_FORMAT", "%q is neither text nor json", c.LogFormat)
	}
	var err error
	if s.shutdownDelay, err = time.ParseDuration(c.ShutdownDelay); err != nil || s.shutdownDelay < 0 || s.shutdownDelay > maxShutdownDelay {
		fault("CLIENTS_SHUTDOWN_DELAY", "%q is not a duration between 0s and %s", c.ShutdownDelay, maxShutdownDelay)
	}
	if faults != nil {
		return s, faults
	}
	return s, nil
}

func splitAddress(addr string) (host string, port uint64, err error) {
	host, number, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.ParseUint(number, 10, 16)
	}
	return host, port, err
}

// loopback reports whether nobody outside of this machine can reach host.
func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
