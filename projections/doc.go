// Package projections holds what is derived from the stream CLIENTS. It has no code of its own; its tests check that the
// packages below agree on the same histories.
//
//		                      eventstore (CLIENTS, tail)
//		                           │ records
//		                           ▼
//		PROJECTS, INVOICES → ingest → CLIENTS      readmodel.Directory ── List, State, Await → transport, domain/command
//		                                            │        ▲
//		                                      View  ▼        │ Restore
//		                                           snapshot ─┴─ eventstore/snapshotstore
//
//	  - readmodel folds the stream into the directory of all clients, in memory;
//	  - references is the part of it that counts other services' projects and invoices;
//	  - snapshot encodes the read model, so that a start need not read the whole stream;
//	  - audit re-reads the stream and compares: the subcommand verify, and the background scrub;
//	  - ingest reads the streams of other services and records what matters on CLIENTS.
//
// A model depends on the messages alone: in whatever batches they were folded, and whether or not it was restored from a
// snapshot in between, equal messages give equal models (snapshot.Digest).
package projections
