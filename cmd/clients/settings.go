package main

import (
	"log/slog"
	"strings"
	"time"
)

// serveCommand holds the settings of the service as they are given: all of them as text, so that all their faults can
// be told at once. Each is a flag and an environment variable.
type serveCommand struct {
	HTTPAddr string `name:"http-addr" env:"CLIENTS_HTTP_ADDR" default:"127.0.0.1:8080" help:"Where the API listens. Without logins on loopback only."`
	OpsAddr  string `name:"ops-addr" env:"CLIENTS_OPS_ADDR" default:"127.0.0.1:8081" help:"Where /livez, /readyz, /metrics and /version listen."`
	natsFlags
	DataDir          string `name:"data-dir" env:"CLIENTS_DATA_DIR" default:"./clients-data" help:"Where the embedded server keeps its store. Not used with an external NATS."`
	EmbeddedNATSAddr string `name:"embedded-nats-addr" env:"CLIENTS_EMBEDDED_NATS_ADDR" default:"127.0.0.1:4222" help:"Where the embedded server listens, on loopback only. Port 0 picks a free one."`
	StreamReplicas   string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream that is created. 1 embedded, 3 external by default, where it may be 1, 3 or 5."`
	CredentialsDir   string `name:"credentials-dir" env:"CLIENTS_CREDENTIALS_DIR" default:"" help:"Folder of <account>.htpasswd files. (Not served yet.)"`
	DefaultCurrency  string `name:"default-currency" env:"CLIENTS_DEFAULT_CURRENCY" default:"United States Dollars - USD" help:"For a client created without one."`
	ReadConsistency  string `name:"read-consistency" env:"CLIENTS_READ_CONSISTENCY" default:"strong" help:"strong: a read shows every write answered before it. eventual: it may be a moment behind."`
	RateLimit        string `name:"rate-limit" env:"CLIENTS_RATE_LIMIT" default:"0" help:"Requests per user per 15 s, 0 for no limit. (Not served yet.)"`
	LogLevel         string `name:"log-level" env:"CLIENTS_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat        string `name:"log-format" env:"CLIENTS_LOG_FORMAT" default:"auto" help:"text, json, or auto: text on a terminal, else json."`
	TLSCert          string `name:"tls-cert" env:"CLIENTS_TLS_CERT" default:"" help:"Certificate of the API. (Not served yet.)"`
	TLSKey           string `name:"tls-key" env:"CLIENTS_TLS_KEY" default:"" help:"Key of that certificate. (Not served yet.)"`
	ShutdownDelay    string `name:"shutdown-delay" env:"CLIENTS_SHUTDOWN_DELAY" default:"0" help:"How long readiness fails before the listener closes, as 5s, at most 10s."`
}

// settings are the settings as they are used.
type settings struct {
	httpAddr         string
	opsAddr          string
	nats             natsSettings
	dataDir          string
	embeddedNATSAddr string
	streamReplicas   int
	defaultCurrency  string
	eventualReads    bool
	logLevel         slog.Level
	logFormat        string
	shutdownDelay    time.Duration
}

// maxShutdownDelay leaves time for the rest of the shutdown, which takes 25 s at most.
const maxShutdownDelay = 10 * time.Second

// settings reads all settings, or tells all their faults.
func (c *serveCommand) settings() (settings, error) {
	var f settingFaults
	c.refuseUnserved(&f)
	s := settings{
		httpAddr:         f.address("CLIENTS_HTTP_ADDR", c.HTTPAddr, "without logins the API is served on loopback only"),
		opsAddr:          f.address("CLIENTS_OPS_ADDR", c.OpsAddr, ""),
		nats:             c.natsSettings(&f),
		dataDir:          f.folder("CLIENTS_DATA_DIR", c.DataDir),
		embeddedNATSAddr: f.address("CLIENTS_EMBEDDED_NATS_ADDR", c.EmbeddedNATSAddr, "the embedded server knows no logins"),
		streamReplicas:   f.replicas("CLIENTS_STREAM_REPLICAS", c.StreamReplicas, c.NATSURL != ""),
		defaultCurrency:  f.currency("CLIENTS_DEFAULT_CURRENCY", c.DefaultCurrency),
		eventualReads:    f.oneOf("CLIENTS_READ_CONSISTENCY", c.ReadConsistency, "strong", "eventual") == "eventual",
		logLevel:         f.level("CLIENTS_LOG_LEVEL", c.LogLevel),
		logFormat:        f.oneOf("CLIENTS_LOG_FORMAT", c.LogFormat, "text", "json", "auto"),
		shutdownDelay:    f.duration("CLIENTS_SHUTDOWN_DELAY", c.ShutdownDelay, maxShutdownDelay),
	}
	if f != nil {
		return settings{}, f
	}
	return s, nil
}

// refuseUnserved names every setting that is given and would have no effect yet.
func (c *serveCommand) refuseUnserved(f *settingFaults) {
	for _, setting := range []struct{ variable, value string }{
		{"CLIENTS_CREDENTIALS_DIR", c.CredentialsDir}, {"CLIENTS_RATE_LIMIT", strings.TrimLeft(c.RateLimit, "0")},
		{"CLIENTS_TLS_CERT", c.TLSCert}, {"CLIENTS_TLS_KEY", c.TLSKey},
	} {
		if setting.value != "" {
			f.add(setting.variable, "is not served by this release")
		}
	}
}
