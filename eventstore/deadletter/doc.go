// Package deadletter keeps messages of other services that cannot be attributed to an existing client, with the reason,
// until an operator retries or drops them. Users know it as the quarantine: the stream CLIENTS_QUARANTINE, the subcommand
// quarantine and its metrics have kept that name.
//
//	ingest ── Put ──→ CLIENTS_QUARANTINE ── All, Get ──→ clients quarantine list, show
//	   ↑                     ↑                                    │
//	   └── ServeRetries ─────┴── Drop ←── Retry (a NATS request) ─┘
//
// A message is stored under a subject that is made of its position in its own stream, so that it is stored once, whichever
// replicas put it there. Its headers and data are kept. Headers that would mean something to the server when the message is
// stored again get a prefix. A message that becomes too large by its new headers is kept without headers and data.
//
// Only a running service can retry a message, because it alone knows the clients: [Store.Retry] sends a request, and one of
// the replicas that called [Store.ServeRetries] responds.
package deadletter
