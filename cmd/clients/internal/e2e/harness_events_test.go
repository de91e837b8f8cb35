package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// connect opens a NATS connection that ends with the test.
func connect(t testing.TB, url string, options ...nats.Option) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(url, append([]nats.Option{nats.Timeout(timeout)}, options...)...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return nc, js
}

// partner connects to the service's NATS servers as other services do: on the embedded server, without logins,
// anonymously.
func (s *service) partner(t testing.TB) jetstream.JetStream {
	t.Helper()
	_, js := connect(t, s.nats)
	return js
}

// administrator connects to the service's NATS servers as the user that may do everything.
func (s *service) administrator(t testing.TB) jetstream.JetStream {
	t.Helper()
	var options []nats.Option
	if password, err := os.ReadFile(filepath.Join(s.dataDir, "admin-password")); err == nil && s.dataDir != "" {
		options = append(options, nats.UserInfo("admin", strings.TrimSpace(string(password))))
	}
	_, js := connect(t, s.nats, options...)
	return js
}

// event is a stored message of CLIENTS.
type event struct {
	subject  string
	header   nats.Header
	data     string
	sequence uint64
	time     time.Time
}

// is reports whether the event has a type, as "ClientCreated".
func (e event) is(name string) bool { return e.header.Get("ce-type") == "clients.v1."+name }

// events reads what CLIENTS holds on filter, as "clients.default.7", up to its present end.
func events(t testing.TB, js jetstream.JetStream, filter string) (all []event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	consumer, err := js.OrderedConsumer(ctx, "CLIENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
	require.NoError(t, err)
	for {
		m, err := consumer.Next(jetstream.FetchMaxWait(500 * time.Millisecond))
		if errors.Is(err, nats.ErrNoResponders) && ctx.Err() == nil {
			continue // in a cluster a consumer is there a moment after it was created
		}
		if errors.Is(err, nats.ErrTimeout) {
			if len(all) >= count(t, js, filter) {
				return all
			}
			continue // a busy cluster
		}
		require.NoError(t, err)
		meta, err := m.Metadata()
		require.NoError(t, err)
		all = append(all, event{m.Subject(), m.Headers(), string(m.Data()), meta.Sequence.Stream, meta.Timestamp})
		if meta.NumPending == 0 {
			return all
		}
	}
}

// count returns how many messages of CLIENTS a filter selects.
func count(t testing.TB, js jetstream.JetStream, filter string) (messages int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	stream, err := js.Stream(ctx, "CLIENTS")
	require.NoError(t, err)
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(filter))
	require.NoError(t, err)
	for _, n := range info.State.Subjects {
		messages += int(n)
	}
	return messages
}

// project publishes an event about a project as the projects service does, as project(t, js, "ProjectCreated", 7,
// `"client_id":2`), and returns its sequence when JetStream has acknowledged it.
func project(t testing.TB, js jetstream.JetStream, kind string, id int64, attributes string) uint64 {
	t.Helper()
	return publishEvent(t, js, fmt.Sprintf("projects.default.%d", id), "projects.v1."+kind, fmt.Sprintf(`{"id":%d,%s}`, id, attributes))
}

// invoice is project for an invoice.
func invoice(t testing.TB, js jetstream.JetStream, kind string, id int64, attributes string) uint64 {
	t.Helper()
	return publishEvent(t, js, fmt.Sprintf("invoices.default.%d", id), "invoices.v1."+kind, fmt.Sprintf(`{"id":%d,%s}`, id, attributes))
}

// publishEvent publishes a CloudEvent in binary mode with an id of its own. Each of headers, "name: value", adds to or
// replaces what the event has.
func publishEvent(t testing.TB, js jetstream.JetStream, subject, kind, data string, headers ...string) uint64 {
	t.Helper()
	m := &nats.Msg{Subject: subject, Data: []byte(strings.Replace(data, ",}", "}", 1)), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {uuid.NewString()}, "ce-type": {kind}, "ce-source": {"/e2e"},
		"content-type": {"application/json"},
	}}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		m.Header[name] = []string{value}
	}
	return publish(t, js, m)
}

// publish stores a message and returns its sequence when JetStream has acknowledged it.
func publish(t testing.TB, js jetstream.JetStream, m *nats.Msg) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ack, err := js.PublishMsg(ctx, m)
	require.NoError(t, err)
	return ack.Sequence
}
