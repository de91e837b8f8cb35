// Package natsconn connects to NATS: the service to an external NATS, and subcommands to the NATS of a running service.
//
//	config ──Settings──> Connect  ──> the service, which waits for its servers
//	                └──> Running  ──> subcommands, which need a service that runs now
//	                └──> Await    ──> clients setup, which waits like the service
//
// Settings name external servers, or the data directory of a service with an embedded server. That directory holds the
// address of the server and the administrator's password; both are read again at each attempt, since another start of
// the service may choose another port.
//
// A lost connection is made again without limit: nats.go reconnects forever, also while a server rejects the login. It leaves
// a server that sends nothing for 3 s. Nothing is buffered while there is no connection: a publish fails at once.
//
// NATS does not respond to a request that the user has no permission for; it reports the violation to the connection,
// and the caller would wait for its own timeout. Subcommands therefore run under WithPermissions: a violation cancels
// the context, and PermissionError returns what was refused in place of the error that followed from it.
//
// CLIENTS_NATS_URL may contain passwords and tokens. Only what Redact returns may be printed or logged.
package natsconn
