// Package importer creates the clients of a list through the API of a service.
//
//	list ──readList──> records ──Callers──> POST /clients ──> journal
//	                                  └──rejected──> one line each at the end, in the order of the list
//
// The list is XML, <clients><client>…, in an encoding that it declares, or JSON, [{"client":{…}}, …], in UTF-8. It is held
// in memory. A record is sent as it stands in the list; the service validates it. Where the list itself is
// malformed, reading stops with the line of the fault: what stands before it is imported.
//
// The journal is a file with one JSON object per line. The first one names the service and the user, each further one a
// client that was created: the digest of its record, its line, its id in the list and its new id. An import that is run
// again with the same journal skips these clients, wherever they stand in the list by then. Two records that are equal
// are two clients; the second has the digest with "-2".
//
// Guarantees:
//   - A client is created at most once per journal. A request is sent with an Idempotency-Key that follows from its
//     record, so that one whose response was lost is not repeated, not even by another run within 24 hours.
//   - A client that the journal names and that was deleted since is not created again, nor is one whose record has
//     changed in the list since; both are reported.
//   - A journal of another service or user is refused, and one that another import is writing.
//
// Not guaranteed: ids and times are those of the service, and default-invoice-timeframe and last-invoice-kind are not
// imported, since they follow from invoices.
//
// A service that does not respond, or responds with 429 or a status from 500, is retried for two minutes per request.
// Retry-After is obeyed.
package importer
