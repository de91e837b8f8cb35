// Package idempotency stores the idempotency records of the service: for 24 hours and for all replicas, what is known of
// the requests under an Idempotency-Key.
//
// # Storage
//
// The records are in the KV bucket CLIENTS_KEYS, one key for each account and Idempotency-Key, as JSON. Every program that
// reads buckets can read it. This package reads and writes the stream behind the bucket instead, because the bucket API
// asks any server for a value, also one that is behind or frozen:
//
//	Claim ────┐
//	TakeOver ─┤   get        ── last message of the key, from the stream's leader
//	Complete ─┼─→                                                              ─→ KV_CLIENTS_KEYS
//	Release ──┤   put        ── a message, provided that the last one is still that of the record's revision
//	Read ─────┘
//
// A record's revision is the sequence of its last message. All changes are conditional on it, so that of two requests that
// change a record at once one gets domain.ErrConflict. package command describes the protocol that rests on this.
//
// # Guarantees
//
//   - Claim creates at most one record under a key at a time, whichever replicas are asked.
//   - A read never returns an older record than the last one that was acknowledged.
//   - No call continues after its context has ended. A call that ended with a domain.Unavailable may have been stored.
//
// If an administrator deletes the stream, what the records knew is lost, and requests with a key get 503 until the next start
// creates it again. A retry of an earlier request is then a new request.
//
// The bucket also holds the record of the last scrub, see ScrubRecord.
package idempotency
