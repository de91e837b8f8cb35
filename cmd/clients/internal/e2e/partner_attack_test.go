package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// attacker is a partner: it reads with a durable consumer, and may publish to sources.
type attacker struct {
	name     string
	nc       *nats.Conn
	consumer string
	filter   string   // of the consumer
	sources  []string // of "projects" and "invoices"
}

// attack has each partner try to change what it must not, and returns what changed: streams, their configuration and
// messages, durable consumers. It sends every response that a partner can cause to every subject that could do harm, and
// publishes there directly. It ends behind the first partner that changes something. The servers hold the streams of a
// running service with at least one client.
func attack(t *testing.T, admin *nats.Conn, attackers ...attacker) (changes []string) {
	t.Helper()
	victims := []string{"victim"}
	createConsumer(t, admin, "victim", "clients.>")
	for _, a := range attackers {
		createConsumer(t, a.nc, a.consumer, a.filter)
		victims = append(victims, a.consumer)
		for _, source := range a.sources {
			reply := request(t, a.nc, source+".default.1", `{"id":1,"client_id":1}`, "Nats-Msg-Id", "attack-"+source,
				"ce-specversion", "1.0", "ce-id", "attack-"+source, "ce-type", map[string]string{"projects": "projects.v1.ProjectCreated", "invoices": "invoices.v1.InvoiceCreated"}[source])
			require.Contains(t, reply, `"seq"`)
		}
	}
	awaitSilence(t, admin)
	for _, a := range attackers {
		before := observe(t, admin)
		deputies := deputies(t, a)
		inbox := a.nc.NewInbox()
		_, err := a.nc.SubscribeSync(inbox) // a consumer delivers only to a subject with a subscription
		require.NoError(t, err)
		for _, target := range targets(victims, a) {
			for _, send := range deputies {
				send(target)
			}
			if strings.HasPrefix(target, "$JS.") && strings.Contains(target, ".victim") {
				continue // a partner that may name its consumers freely can use those of others whose names it can guess
			}
			for _, body := range []string{"", "{}", `{"seq":1}`} {
				require.NoError(t, a.nc.PublishRequest(target, inbox, []byte(body)))
			}
		}
		require.NoError(t, a.nc.FlushTimeout(2*timeout))
		awaitSilence(t, admin)
		for _, change := range before.changes(observe(t, admin), a.consumer) {
			changes = append(changes, a.name+": "+change)
		}
		if len(changes) > 0 {
			return changes
		}
	}
	return nil
}

// targets are the subjects that could do harm, and that the attacker may not publish to.
func targets(victims []string, a attacker) (all []string) {
	streams := []string{"CLIENTS", "CLIENTS_IDS", "CLIENTS_QUARANTINE", "KV_CLIENTS_KEYS", "OBJ_CLIENTS_SNAPSHOTS", "PROJECTS", "INVOICES"}
	for _, stream := range streams {
		for _, call := range []string{"DELETE", "PURGE", "UPDATE", "CREATE", "RESTORE", "SNAPSHOT", "MSG.DELETE", "LEADER.STEPDOWN", "PEER.REMOVE"} {
			all = append(all, "$JS.API.STREAM."+call+"."+stream)
		}
		all = append(all, "$JS.API.CONSUMER.CREATE."+stream, "$JS.API.CONSUMER.CREATE."+stream+".intruder", "$JS.API.CONSUMER.DURABLE.CREATE."+stream+".intruder")
	}
	for _, victim := range victims {
		if victim == a.consumer {
			continue
		}
		for _, call := range []string{"DELETE", "MSG.NEXT", "RESET", "PAUSE", "UNPIN", "LEADER.STEPDOWN"} {
			all = append(all, "$JS.API.CONSUMER."+call+".CLIENTS."+victim)
		}
		all = append(all, "$JS.ACK.CLIENTS."+victim+".1.1.1.1.0")
	}
	all = append(all, "clients.default.1", "client-references.default.1", "client-ids", "clients-quarantine.x", "clients-control.quarantine.retry",
		"$KV.CLIENTS_KEYS.x", "$O.CLIENTS_SNAPSHOTS.M.x", "$O.CLIENTS_SNAPSHOTS.C.x", "$JS.API.META.LEADER.STEPDOWN", "$JS.API.SERVER.REMOVE",
		"$JS.API.ACCOUNT.PURGE.$G", "$SYS.REQ.SERVER.PING", "_R_.x.y", "$JS._R_.x", "_GR_.x.y.$JS.API.STREAM.DELETE.CLIENTS")
	for _, source := range []string{"projects", "invoices"} {
		if !slices.Contains(a.sources, source) {
			all = append(all, source+".default.99")
		}
	}
	return all
}

// deputies are requests that make the servers or the service send a message to a subject that the attacker chooses.
func deputies(t *testing.T, a attacker) (all []func(target string)) {
	send := func(subject, body string, headers ...string) {
		all = append(all, func(target string) {
			m := message(subject, body, append(headers, "Nats-Trace-Dest", target)...)
			m.Reply = target
			require.NoError(t, a.nc.PublishMsg(m))
			m.Header.Del("Nats-Trace-Dest")
			require.NoError(t, a.nc.PublishMsg(m))
		})
	}
	const api = "$JS.API."
	for _, body := range []string{"", `{"seq":1}`, `{"multi_last":["clients.>"]}`, `{"next_by_subj":"clients.>","batch":9}`, "{", `{"last_by_subj":"x"}`} {
		send(api+"DIRECT.GET.CLIENTS", body)
		send(api+"DIRECT.GET.CLIENTS.clients.default.1", body)
		send(api+"DIRECT.GET.CLIENTS.clients.nobody.1", body)
	}
	for _, body := range []string{"", "1", `{"batch":1,"no_wait":true}`, `{"batch":9,"expires":1000000}`, `{"batch":1,"expires":90000000,"idle_heartbeat":30000000}`, "{", `{"batch":-1}`} {
		send(api+"CONSUMER.MSG.NEXT.CLIENTS."+a.consumer, body)
	}
	for _, call := range []string{"INFO", "STREAM.INFO.CLIENTS", "STREAM.NAMES", "CONSUMER.INFO.CLIENTS." + a.consumer, "CONSUMER.INFO.CLIENTS.none", "CONSUMER.DELETE.CLIENTS.none", "STREAM.INFO.PROJECTS"} {
		send(api+call, "")
		send(api+call, "{")
	}
	create := api + "CONSUMER.CREATE.CLIENTS." + a.consumer + "." + a.filter
	send(create, "{")
	send(create, createRequest(a.consumer, a.filter))
	for _, kind := range []string{"+ACK", "-NAK", "+WPI", "+TERM", "+NXT", `+NXT {"batch":1,"no_wait":true}`, "x"} {
		send("$JS.ACK.CLIENTS."+a.consumer+".1.1.1.1.0", kind)
	}
	for _, source := range a.sources {
		send(source+".default.1", "{}", "Nats-Msg-Id", "attack-"+source) // acknowledged as a duplicate
		send(source+".default.1", "{}", "Nats-Expected-Last-Sequence", "9999")
		send(source+".default.1", "{}", "Nats-Expected-Stream", "NONE")
	}
	send("$SYS.REQ.USER.INFO", "")
	send("$SYS.REQ.ACCOUNT.PING.CONNZ", "")
	all = append(all, func(target string) { // a push consumer delivers to any subject
		for i, extra := range []string{"", `,"direct":true`, `,"headers_only":true`, `,"sourcing":true`, `,"flow_control":true,"idle_heartbeat":100000000`} {
			name := fmt.Sprintf("%s-%d", "push", i)
			body := fmt.Sprintf(`{"stream_name":"CLIENTS","config":{"name":%q,"deliver_subject":%q,"ack_policy":"none","filter_subject":"clients.>","inactive_threshold":1000000000%s}}`, name, target, extra)
			for _, subject := range []string{"CREATE.CLIENTS." + name + ".clients.>", "CREATE.CLIENTS." + name, "CREATE.CLIENTS", "DURABLE.CREATE.CLIENTS." + name, "CREATE.CLIENTS." + a.consumer + ".clients.>"} {
				require.NoError(t, a.nc.Publish(api+"CONSUMER."+subject, []byte(strings.ReplaceAll(body, name, strings.Split(subject, ".")[len(strings.Split(subject, "."))-1]))))
			}
		}
	})
	return all
}

func createRequest(name, filter string) string {
	return fmt.Sprintf(`{"stream_name":"CLIENTS","config":{"name":%[1]q,"durable_name":%[1]q,"ack_policy":"explicit","deliver_policy":"all","filter_subject":%[2]q}}`, name, filter)
}

func createConsumer(t *testing.T, nc *nats.Conn, name, filter string) {
	t.Helper()
	require.NotContains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS."+name+"."+filter, createRequest(name, filter)), `"error"`)
}

// message builds a message with headers, each a name and a value.
func message(subject, body string, headers ...string) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	for i := 0; i+1 < len(headers); i += 2 {
		m.Header.Set(headers[i], headers[i+1])
	}
	return m
}

// request returns the body of a response. Without one, as in an election, it is sent again.
func request(t *testing.T, nc *nats.Conn, subject, body string, headers ...string) string {
	t.Helper()
	var reply *nats.Msg
	eventually(t, func() bool {
		var err error
		reply, err = nc.RequestMsg(message(subject, body, headers...), timeout/10)
		return err == nil
	}, "%s gets a response", subject)
	return string(reply.Data)
}

// awaitSilence waits until the servers have handled everything that was sent before: the account of the streams has no messages
// other than those of an idle service.
func awaitSilence(t *testing.T, admin *nats.Conn) {
	t.Helper()
	var last string
	same := 0
	eventually(t, func() bool {
		now := fmt.Sprint(observe(t, admin))
		if same++; now != last {
			last, same = now, 0
		}
		return same >= 4
	}, "the streams come to rest")
}

// observed is the state that an attack could change, by name.
type observed map[string]string

func observe(t *testing.T, admin *nats.Conn) observed {
	t.Helper()
	all := make(observed)
	var streams struct {
		Streams []struct {
			Config json.RawMessage
			State  struct {
				Messages, Bytes uint64
				First           uint64 `json:"first_seq"`
				Last            uint64 `json:"last_seq"`
			}
		}
	}
	decodeReply(t, request(t, admin, "$JS.API.STREAM.LIST", ""), &streams)
	for _, s := range streams.Streams {
		var config struct{ Name string }
		require.NoError(t, json.Unmarshal(s.Config, &config))
		all["stream "+config.Name] = string(s.Config)
		if strings.HasPrefix(config.Name, "OBJ_") { // snapshots come and go
			continue
		}
		all["state of "+config.Name] = fmt.Sprint(s.State)
		for sequence := s.State.First; sequence <= s.State.Last; sequence++ {
			all[fmt.Sprintf("message %d of %s", sequence, config.Name)] = request(t, admin, "$JS.API.STREAM.MSG.GET."+config.Name, fmt.Sprintf(`{"seq":%d}`, sequence))
		}
		observeConsumers(t, admin, config.Name, all)
	}
	return all
}

func observeConsumers(t *testing.T, admin *nats.Conn, stream string, all observed) {
	t.Helper()
	var consumers struct {
		Consumers []struct {
			Name   string
			Config struct {
				Durable string `json:"durable_name"`
				Deliver string `json:"deliver_subject"`
			}
			Delivered json.RawMessage
			Pending   int `json:"num_ack_pending"`
			Paused    bool
		}
	}
	decodeReply(t, request(t, admin, "$JS.API.CONSUMER.LIST."+stream, ""), &consumers)
	for _, c := range consumers.Consumers {
		if c.Config.Durable != "" || c.Config.Deliver != "" {
			all["consumer "+stream+"."+c.Name] = fmt.Sprint(c.Config, string(c.Delivered), c.Pending, c.Paused)
		}
	}
}

func decodeReply(t *testing.T, body string, to any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(body), to), body)
}

// changes lists the differences, except for the consumer of the attacker.
func (o observed) changes(after observed, own string) (found []string) {
	own = "consumer CLIENTS." + own
	for what, before := range o {
		if now := after[what]; now != before && what != own {
			found = append(found, fmt.Sprintf("%s: was %s, is %q", what, before, now))
		}
	}
	for what, now := range after {
		if _, there := o[what]; !there && what != own {
			found = append(found, fmt.Sprintf("%s is new: %s", what, now))
		}
	}
	return found
}
