// Package e2e holds the end-to-end tests. They build the clients program, run it as its operators do, and speak to it
// only as its users do: HTTP, NATS and the command line. They know no name of the program's packages, so the packages can
// be restructured under them. Of the module they import only natstest, which runs real NATS servers, and the package
// workload below, which makes the load of the fault tests and checks what its callers saw.
//
// A file tests one subject. The first word of its name is the part of the contract that the subject belongs to:
//
//	api_          requests and responses: formats, values, conditions, refusals, lists
//	idempotency_  the Idempotency-Key
//	access_       who may send requests: logins, accounts, hosts, TLS, rate limits
//	events_       what the service stores in CLIENTS for subscribers
//	sources_      events of other services, and what happens to those that cannot be used
//	partner_      what other services may do on NATS, and attacks by them
//	store_        what is stored stays: crashes, damage, full disks, verify, snapshots, backups
//	nats_         external NATS servers and several replicas, outages of them
//	serve_        the process: settings, start, shutdown, limits, operations endpoints, metrics, traces
//	command_      the other subcommands
//	console_      the pages of the console, also in a browser
//	faults_       random faults under load, with a check of the whole history
//	bench_        benchmarks, also against the program of another commit
//	upgrade_      the release before, beside this one
//
// Tests that need no setting of their own call shared, which gives them an account of their own on one service that runs
// for all of them. The others start a service with start, startIn or startReplicas.
//
// The harness is:
//
//	harness_binary_test.go   builds the program, once
//	harness_service_test.go  starts, stops and kills a service (embedded NATS, or any number of replicas on a cluster)
//	harness_shared_test.go   the service that tests share
//	harness_request_test.go  HTTP requests and their responses
//	harness_client_test.go   clients as requests create, change and read them
//	harness_raw_test.go      requests byte by byte
//	harness_command_test.go  subcommands
//	harness_events_test.go   NATS connections, what the stream holds, events of other services
//	harness_messages_test.go valid events as the service stores them, and what a subscriber makes of them
//	harness_gate_test.go     holds up one replica's requests at one of their steps
//	harness_secret_test.go   a folder of credentials as Kubernetes mounts it
//	harness_browser_test.go  a browser
//	harness_certificate_test.go  certificates for HTTPS
//	harness_contract_test.go     the OpenAPI and AsyncAPI documents, and whether a value is valid by them
//	harness_stored_event_test.go events in a NATS server's files, altered
//	partner_attack_accounts_test.go  services on NATS servers with the accounts of deploy/kubernetes
package e2e
