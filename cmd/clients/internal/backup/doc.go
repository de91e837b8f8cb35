// Package backup copies the streams of a service into a folder, and restores them.
//
//	Create:  streams ──JetStream snapshot──> FOLDER/<stream>/… ──sync──> FOLDER/manifest.json
//	Restore: manifest ──verify checksums──> streams, CLIENTS last and under another subject ──> its own subject
//
// A backup has the state at the moment when the copy of CLIENTS begins. The streams are copied in an order in which no copy
// refers to something that another one lacks: snapshots and idempotency keys before CLIENTS, then PROJECTS and INVOICES, and
// at last the counter of ids. Keys that are stored while the keys and CLIENTS are copied are read from the stream afterwards
// and kept in a file of their own. If ids are taken while their counter is copied, the copy is empty: a restored service
// then continues from the highest id in the events.
//
// The manifest has the SHA-256 of every file and is written last, when all of them are on disk: a folder without one is
// not a backup.
//
// A restore begins only if no service runs and none of the streams exists; with Target.Replace it deletes them first.
// CLIENTS is created under a subject that no service accepts and gets its own at the end, when a majority of the servers has
// every stream. If there are clients to erase, all servers have to have every stream, and CLIENTS has both subjects until the
// erasures are complete. A restore that fails deletes what it has created. If it had deleted streams before, it leaves one
// stream because of which no service starts. A restore that was killed leaves such streams, too. The next restore begins
// anew. A restore into a data directory builds the store in a folder within it and renames it into place.
//
// The sequences, times and ids of all messages stay the same.
package backup
