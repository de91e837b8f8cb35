// Package workload puts a service under load and checks what its callers saw. The fault tests and the drill in a cluster
// share it.
//
// A Load has callers that create, change, delete and read a few clients, each through its own connection and, where there
// are several, its own replica. Each request and its outcome become an Operation of the history:
//
//	target      the client of a request, with the state that callers have seen
//	caller      chooses a request, sends it, and repeats it under its key until its outcome is known
//	connection  sends each request once
//	tally       counts requests and failures of each phase of the load, and the longest gap of its writes
//
// Check then compares the history with the rules that callers rely on:
//
//   - each client's operations are linearizable: each took effect at one moment between its request and its response
//   - a request that was sent again under its Idempotency-Key has the response that it had first
//   - the list of all clients has those that were created, each once, and no others
//   - where the events are known, each acknowledged write led to one event, and a refused one to none
//
// A response with a Warning may be out of date and is not checked. A request without a response, or with status 5xx, may
// have taken effect at any later time or never. A Load uses the HTTP API alone. A caller that can read the stream passes the
// number of stored events to Check, which then also checks the effect of such requests.
package workload
