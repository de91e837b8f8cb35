// Package deadletter keeps messages of other services that cannot be attributed to an existing client, with the reason,
// until an operator retries or drops them. Users know it as the quarantine: the stream CLIENTS_QUARANTINE, the subcommand
// quarantine and its metrics have kept that name.
//
//	ingest ── PutAll, Put ──→ CLIENTS_QUARANTINE ── All, Get ──→ clients quarantine list, show
//	   ↑                             ↑                                    │
//	   └── ServeRetries ─────────────┴── Drop ←── Retry (a NATS request) ─┘
//
// The subject of a dead letter is made of the message's position in its own stream, so that the message is stored once, even if
// several replicas store it. Headers and data are kept. Headers on which the server would act when the message is stored again, and
// those with names that no client sends, get a prefix. A message that is too large with its new headers is kept without headers and
// data: the messages behind it do not wait. They wait while the servers have no room for it.
//
// Only a running service can retry a message, because it alone knows the clients: [Store.Retry] sends a request, and one of
// the replicas that called [Store.ServeRetries] responds.
package deadletter
