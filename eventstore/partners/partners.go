// Package partners isolates the other services that read client events and publish project and invoice events, from
// the streams and from each other.
//
// NATS permissions cannot do that: they are checked on the subject of a request, never on its reply subject, and
// JetStream publishes its responses with the rights of the account. A reader could have a stream deleted by a response.
// So the streams live in an account of their own, the main account. Each partner logs in to another account, which has
// no JetStream and imports from the main account the services listed by Services, and nothing else. A response then goes
// back to the partner's account, whatever its reply subject says.
//
// A partner that may read the clients of some accounts only (see Partner.Accounts) imports still less: of everything that
// has a name or a subject, exactly its own.
//
// Some requests do not reach the server's JetStream API, but the service (see Serve), which serves them at
// subjects that begin with "clients-partners.<partner>.":
//
//   - Consumers are created by the service. Push consumers would be delivered to any subject of the main account; the
//     number of consumers and the subjects that they read are limited as well. A partner deletes the consumers that it
//     created, and no others.
//   - Stream information is requested by the service, without the filter that would reveal subjects and their counts.
//   - The stream that has a subject, which some libraries look up, is one of three.
//
// The embedded server takes its exports and imports from Services, and so does "clients setup --teams", which prints the
// configuration of other servers.
// There the service's user needs permission to subscribe to "clients-partners.>", to respond, and to publish to
// $JS.API.STREAM.INFO.<stream> and $JS.API.CONSUMER.CREATE.CLIENTS.>, CONSUMER.INFO.CLIENTS.*, CONSUMER.DELETE.CLIENTS.* and
// CONSUMER.LIST.CLIENTS.
package partners

import (
	"strings"

	"clients/eventstore/upstream"
)

// Partner is a login to NATS, or several that trust each other.
type Partner struct {
	// Name is a token of the subjects that the service serves, and is stored with the partner's consumers.
	Name string
	// Accounts are those whose clients it reads and for which it publishes; nil stands for all of them.
	Accounts []string
	// Sources are the streams of other services that it publishes to.
	Sources []upstream.Stream
}

// Service is something that a partner may request of the main account.
type Service struct {
	Import   string // where the partner requests it, in its own account: the subject that every NATS client uses
	Export   string // the subject of the main account
	Streamed bool   // one request may have several responses: response_type "stream"
}

// Services returns what a partner's account imports. All creations of consumers reach the service, which says why it refuses
// one. Of a partner with accounts, every name and every subject that reaches JetStream is one of its own; another one reaches
// each consumer whose name it knows.
//
// $JS.API.INFO must be among it: to an account that does not import it the server offers its own JetStream API instead,
// which shadows the other imports.
func Services(p Partner) []Service {
	served := p.Served()
	create := served + ".consumer.create"
	info := same("$JS.API.INFO")
	if p.Accounts != nil {
		info.Export = served + ".info" // without how much there is of all accounts
	}
	services := []Service{
		info,
		{Import: "$JS.API.STREAM.NAMES", Export: served + ".stream.names"},
		{Import: "$JS.API.STREAM.INFO.CLIENTS", Export: served + ".stream.info.CLIENTS"},
		{Import: consumer + "CREATE.CLIENTS.*.>", Export: create + ".*.>"},     // one filter
		{Import: consumer + "CREATE.CLIENTS.*", Export: create + ".*"},         // several, or none
		{Import: consumer + "DURABLE.CREATE.CLIENTS.*", Export: create + ".*"}, // older libraries
		{Import: consumer + "CREATE.CLIENTS", Export: create},                  // nats.js, for several filters or without a name, and older libraries
	}
	for _, source := range p.Sources {
		services = append(services, Service{Import: "$JS.API.STREAM.INFO." + source.Name, Export: served + ".stream.info." + source.Name})
	}
	if p.Accounts == nil {
		return append(services, p.reach("", "*")...)
	}
	for _, account := range p.Accounts {
		services = append(services, p.reach(account+".", ConsumerNames(p.Name, account)...)...)
	}
	return services
}

// reach returns the services of a partner for subjects that begin with a prefix, and for consumers with the names.
func (p Partner) reach(prefix string, names ...string) []Service {
	services := []Service{same("$JS.API.DIRECT.GET.CLIENTS.clients." + prefix + ">")}
	for _, name := range names {
		services = append(services,
			same(consumer+"INFO.CLIENTS."+name),
			Service{Import: consumer + "DELETE.CLIENTS." + name, Export: p.Served() + ".consumer.delete." + name},
			streamed(consumer+"MSG.NEXT.CLIENTS."+name),
			streamed("$JS.ACK.CLIENTS."+name+".>"),
		)
	}
	for _, source := range p.Sources {
		services = append(services, same(strings.TrimSuffix(source.Filter, ">")+prefix+">"))
	}
	return services
}

const (
	subjects = "clients-partners." // begins the subjects that the service serves
	consumer = "$JS.API.CONSUMER."
)

// Served begins the subjects at which the service serves the partner. They contain its accounts, so that the service learns
// these from the configuration of the servers.
func (p Partner) Served() string {
	if p.Accounts == nil {
		return subjects + p.Name
	}
	return subjects + p.Name + "." + accountsToken + "." + strings.Join(p.Accounts, ",")
}

func same(subject string) Service { return Service{Import: subject, Export: subject} }
func streamed(subject string) Service {
	return Service{Import: subject, Export: subject, Streamed: true}
}
