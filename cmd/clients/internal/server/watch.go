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

// watchEvery is how often the files are looked at: what a Secret's mount tells is not the same everywhere.
const watchEvery = time.Second

// watchFiles begins to read credentials and the certificate again when they change. Beside files that cannot be used
// counts what still stands of the last good ones: that is logged, and /metrics shows it.
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
			Name: "clients_files_stale", Help: "1 while files have changed into what cannot be used; what still stands of the last good ones counts.",
			ConstLabels: prometheus.Labels{"files": files.what},
		}, func() float64 { return number(files.stale()) }))
	}
	s.background(func(ctx context.Context) { s.watch(ctx, all) })
	return nil
}

// watch looks at the files until ctx ends.
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
