// Package server starts, runs and stops the service. The files are named after the part of its life that they are about:
//
//	start.go  ── start_http.go (ports, operations endpoints) ── start_store.go (NATS, streams) ── start_readmodel.go
//	          ── start_ingest.go (PROJECTS, INVOICES, partners) ── run_… in the background ── start_http.go (API)
//	run_….go     what runs in the background until the server stops
//	stop.go      not ready ── shutdown delay ── requests in progress ── the parts in reverse order, with a last snapshot
//
// Start takes the ports first, so that a port in use is reported before anything is touched, and serves the API last: a
// request is accepted when the read model has everything that the stream holds. Each step registers with onStop what
// stops it; a failed start stops the steps before it.
//
// In the background the server
//   - saves snapshots of the read model;
//   - reads PROJECTS and INVOICES (package ingest) and serves partners' requests on a connection of their own;
//   - samples the streams for /metrics, since a scrape must not wait for NATS;
//   - scrubs the stream, one replica at a time;
//   - reloads credentials and certificates that have changed, and samples when certificates expire;
//   - watches for an embedded store that refuses writes although its disk has room, and for a connection to NATS that is
//     closed for good. Only a restart helps, so Wait then returns an error and the process ends with 1.
//
// The server is ready from the end of Start to the beginning of the stop, as long as the stream can be followed. While NATS
// refuses writes or cannot be reached it stays ready, since reads continue, and /readyz says why it is read-only. During the
// start it names the step and the last warning of the log, which says what the step waits for.
package server
