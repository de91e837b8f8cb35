// Package e2e holds the end-to-end tests. They build the clients program, run it as its operators do, and speak to it
// only as its users do: HTTP, NATS and the command line. They know no name of the program's packages, so the packages can
// be restructured under them; natstest, which runs real NATS servers, is the only package of the module they import.
//
// A file tests one subject. The harness is:
//
//	binary_test.go   builds the program, once
//	service_test.go  starts, stops and kills a service (embedded NATS, or any number of replicas on a cluster)
//	request_test.go  HTTP requests and their responses
//	command_test.go  subcommands
//	accounts_test.go services on NATS servers with the accounts of deploy/kubernetes
//	gate_test.go     holds up one replica's requests at one of their steps
//	events_test.go   NATS connections, what the stream holds, events of other services
package e2e
