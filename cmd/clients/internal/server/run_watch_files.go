package server

import (
	"log/slog"
	"time"

	"clients/cmd/clients/internal/config"

	"github.com/prometheus/client_golang/prometheus"
)

// watched are files that are read again when they change.
type watched struct {
	what, variable string
	reload         func() (changed bool, err error)
}

// watchInterval is how often files are checked. File system notifications are not used: mounted Secrets differ in them.
const watchInterval = time.Second

// watchedFiles returns the files of credentials and of the certificate, and registers metrics of them.
func watchedFiles(config config.Config, registry *prometheus.Registry) (all []watched) {
	add := func(what, variable string, reload func() (bool, error), stale func() bool) {
		all = append(all, watched{what, variable, reload})
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "clients_files_stale", Help: "1 while changed files cannot be used and the last valid ones stay in use.",
			ConstLabels: prometheus.Labels{"files": what},
		}, func() float64 { return number(stale()) }))
	}
	if folder := config.Credentials; folder != nil {
		add("credentials", "CLIENTS_CREDENTIALS_DIR", folder.Reload, folder.Stale)
	}
	if certificate := config.Certificate; certificate != nil {
		add("certificate", "CLIENTS_TLS_CERT", certificate.Reload, certificate.Stale)
	}
	return all
}

// reload reads files again that have changed. If they cannot be used, the last valid ones stay in use.
func reload(all []watched, log *slog.Logger) {
	for _, files := range all {
		changed, err := files.reload()
		if err != nil {
			log.Error("reload failed, keeping last valid configuration", "files", files.what, "setting", files.variable, "error", err)
		}
		if changed {
			log.Info("files reloaded", "files", files.what, "setting", files.variable)
		}
	}
}
