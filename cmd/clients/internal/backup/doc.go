// Package backup copies the streams of a service into a folder, and restores them.
//
//	Create:  streams ──JetStream snapshot──> FOLDER/<stream>/… ──sync──> FOLDER/manifest.json
//	Restore: manifest ──verify checksums──> streams, CLIENTS last and under another subject ──> its own subject
//
// A backup is as of the moment when the copy of CLIENTS begins. The order of the copies makes the parts fit: snapshots
// and idempotency keys are copied before the events that they are of, PROJECTS and INVOICES after the events that follow
// from them, the counter of ids after everything that uses one. Keys that were stored between the copy of the keys and
// that of the events are read from the stream afterwards and kept in a file of their own. If ids are taken while their
// counter is copied, the copy is empty: a service counts on from the highest id in the events then.
//
// The manifest has the SHA-256 of every file and is written last, when all of them are on disk: a folder without one is
// not a backup.
//
// A restore begins only if none of the streams exists and no service runs. CLIENTS is created under a subject that no
// service accepts and gets its own at the end, when a majority of the servers has every stream. If there are clients to
// erase, all servers have to have every stream, and CLIENTS has both subjects until the erasures are complete. A restore that
// fails before deletes what it has created; one that fails then is continued by the next one. One that was killed leaves
// streams that no service starts on. A restore into a data directory builds the store beside it and renames it into place.
//
// The sequences, times and ids of all messages stay the same.
package backup
