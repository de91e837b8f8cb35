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
	// Consumers are the names that its consumers may have; AnyName allows all of them, and so lets it reach each consumer
	// whose name it knows. With Accounts the names are those of ConsumerNames.
	Consumers []string
	// Sources are the streams of other services that it publishes to.
	Sources []upstream.Stream
}

// AnyName stands for the random names of ordered consumers.
const AnyName = "*"

// Service is something that a partner may request of the main account.
type Service struct {
	Import   string // where the partner requests it, in its own account: the subject that every NATS client uses
	Export   string // the subject of the main account
	Streamed bool   // one request may have several responses: response_type "stream"
}

// Services returns what a partner's account imports.
//
// $JS.API.INFO must be among it: to an account that does not import it the server offers its own JetStream API instead,
// which shadows the other imports.
func Services(p Partner) []Service {
	if p.Accounts != nil {
		return accountServices(p)
	}
	served := p.Served()
	services := []Service{
		same("$JS.API.INFO"),
		same("$JS.API.DIRECT.GET.CLIENTS.clients.>"),
		{Import: "$JS.API.STREAM.NAMES", Export: served + ".stream.names"},
		{Import: "$JS.API.STREAM.INFO.CLIENTS", Export: served + ".stream.info.CLIENTS"},
	}
	for _, name := range p.Consumers {
		create := served + ".consumer.create." + name
		services = append(services,
			Service{Import: consumer + "CREATE.CLIENTS." + name + ".clients.>", Export: create + ".clients.>"}, // one filter
			Service{Import: consumer + "CREATE.CLIENTS." + name, Export: create},                               // several, or none
			Service{Import: consumer + "DURABLE.CREATE.CLIENTS." + name, Export: create},                       // older libraries
			same(consumer+"INFO.CLIENTS."+name),
			Service{Import: consumer + "DELETE.CLIENTS." + name, Export: served + ".consumer.delete." + name},
			streamed(consumer+"MSG.NEXT.CLIENTS."+name),
			streamed("$JS.ACK.CLIENTS."+name+".>"),
		)
		if name == AnyName { // nats.js, for several filters or without a name, and older libraries
			services = append(services, Service{Import: consumer + "CREATE.CLIENTS", Export: served + ".consumer.create"})
		}
	}
	for _, source := range p.Sources {
		services = append(services,
			same(source.Filter),
			Service{Import: "$JS.API.STREAM.INFO." + source.Name, Export: served + ".stream.info." + source.Name},
		)
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
