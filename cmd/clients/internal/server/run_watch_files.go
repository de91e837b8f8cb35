package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// watchInterval is how often files are checked. File system notifications are not used: mounted Secrets differ in them.
const watchInterval = time.Second

// watchFiles reads the files of credentials and of the certificate again when they change. If changed files cannot be used, the
// last valid ones stay in use.
func watchFiles(s *Server) {
	if s.config.Credentials != nil {
		watch(s, "credentials", "CLIENTS_CREDENTIALS_DIR", s.config.Credentials.Reload, s.config.Credentials.Stale)
	}
	if s.config.Certificate != nil {
		watch(s, "certificate", "CLIENTS_TLS_CERT", s.config.Certificate.Reload, s.config.Certificate.Stale)
	}
}

func watch(s *Server, what, variable string, reload func() (bool, error), stale func() bool) {
	s.gauge("clients_files_stale", "1 while changed files cannot be used and the last valid ones stay in use.", prometheus.Labels{"files": what},
		func() float64 { return number(stale()) })
	s.every(watchInterval, func(context.Context) {
		changed, err := reload()
		if err != nil {
			s.log.Error("reload failed, keeping last valid configuration", "files", what, "setting", variable, "error", err)
		}
		if changed {
			s.log.Info("files reloaded", "files", what, "setting", variable)
		}
	})
}
