// Package server starts and stops the service.
//
//	Start: listen ── operations endpoints ── NATS, streams ── snapshot, tail ── ingest ── partners ── background ── API
//	Wait:  not ready ── shutdown delay ── requests in progress ── the same in reverse order, with a last snapshot
//
// Start takes the ports first, so that a port in use is reported before anything is touched, and serves the API last: a
// request is accepted when the read model has everything that the stream holds. Each step registers with onStop what
// stops it; a failed start stops the steps before it.
//
// In the background it
//   - saves snapshots of the read model;
//   - reads PROJECTS and INVOICES (package ingest) and serves partners' requests on a connection of their own;
//   - samples the streams for /metrics, since a scrape must not wait for NATS;
//   - scrubs the stream, one replica at a time;
//   - reloads credentials and certificates that have changed;
//   - watches an embedded store that refuses writes although its disk has room. Only a restart makes NATS accept writes
//     again, so Wait then returns an error and the process ends with 1.
//
// The server is ready from the end of Start to the beginning of the stop, as long as the stream can be followed.
package server
