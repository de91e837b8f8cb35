// Command rival serves the calls of the Clients API that deploy/compare measures from a PostgreSQL table with a transactional
// outbox, for comparison with the service:
//
//	rival ADDRESS POSTGRES-URL
//
//	POST, PUT ─→ decode, validate ─→ one statement: row of the client + row of the outbox ─→ commit, flushed ─→ response
//	GET ─→ select ─→ encode ─→ response
//
// It is written as a service on PostgreSQL would be that has to be fast: one statement and one round trip for each request,
// prepared on every connection, with binary parameters and results; a pool of connections, whose size the URL sets with
// pool_max_conns; no index that these calls do not need. It decodes, validates and encodes with the service's own packages, so
// that a difference is one of the stores.
//
// A response of 201 or 200 to a write is sent after the commit is on disk, if PostgreSQL runs with fsync and synchronous_commit.
// A read sees every write that was acknowledged before. Beyond that it has less to do than the service: no relay publishes
// the outbox or removes its rows, and there are no logins, idempotency keys, conditional requests, compression, metrics,
// protection against other sites, bounds on memory, deletion, or rules about projects and invoices.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if len(os.Args) != 3 {
		log.Error("usage: rival ADDRESS POSTGRES-URL")
		os.Exit(2)
	}
	if err := run(log, os.Args[1], os.Args[2]); err != nil {
		log.Error("cannot serve", "error", err)
		os.Exit(1)
	}
}

// run serves until the process gets a signal to end.
func run(log *slog.Logger, address, url string) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // the heap is small: the data is in PostgreSQL
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	store, err := openStore(ctx, url)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: &api{store, log}, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
