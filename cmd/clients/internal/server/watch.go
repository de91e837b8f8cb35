package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// watched are files that are read again when they change.
type watched struct {
	what, variable string
	reload         func() (changed bool, err error)
	stale          func() bool
}

// watchEvery is how often files are checked. File system notifications are not used: mounted Secrets differ in them.
const watchEvery = time.Second

// watchFiles reads credentials and the certificate again when they change. If changed files cannot be used, the last valid
// ones stay in use; that is logged and shown by /metrics.
func (s *Server) watchFiles(context.Context) error {
	var all []watched
	if folder := s.config.Credentials; folder != nil {
		all = append(all, watched{"credentials", "CLIENTS_CREDENTIALS_DIR", folder.Reload, folder.Stale})
	}
	if certificate := s.config.Certificate; certificate != nil {
		all = append(all, watched{"certificate", "CLIENTS_TLS_CERT", certificate.Reload, certificate.Stale})
	}
	for _, files := range all {
		s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "clients_files_stale", Help: "1 while changed files cannot be used and the last valid ones stay in use.",
			ConstLabels: prometheus.Labels{"files": files.what},
		}, func() float64 { return number(files.stale()) }))
	}
	s.background(func(ctx context.Context) { s.watch(ctx, all) })
	return nil
}

// watch checks the files until ctx ends.
func (s *Server) watch(ctx context.Context, all []watched) {
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
		for _, files := range all {
			changed, err := files.reload()
			if err != nil {
				s.log.Error("reload failed, keeping last valid configuration", "files", files.what, "setting", files.variable, "error", err)
			}
			if changed {
				s.log.Info("files reloaded", "files", files.what, "setting", files.variable)
			}
		}
	}
}
