package ingest_test

import (
	"context"
	"fmt"
	"hash/crc64"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"
	"clients/eventstore/upstream"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// createStreams creates the streams of the other services.
func (y *system) createStreams() {
	y.t.Helper()
	for _, source := range []upstream.Stream{upstream.Projects, upstream.Invoices} {
		y.createStream(source)
	}
}

func (y *system) createStream(source upstream.Stream) {
	y.t.Helper()
	natstest.CreateStream(y.t, y.js, jetstream.StreamConfig{
		Name: source.Name, Subjects: []string{source.Filter}, Replicas: len(y.cluster.Servers), AllowDirect: true, Duplicates: 100 * time.Millisecond,
	})
}

func (y *system) deleteStream(source upstream.Stream) {
	y.t.Helper()
	require.NoError(y.t, y.js.DeleteStream(y.deadline(), source.Name))
}

// purge deletes all messages of a stream.
func (y *system) purge(source upstream.Stream) {
	y.t.Helper()
	stream, err := y.js.Stream(y.deadline(), source.Name)
	require.NoError(y.t, err)
	require.NoError(y.t, stream.Purge(y.deadline()))
}

// project is an event about a project of the account; data is the JSON object's members behind the id.
func project(change string, id int64, members string, values ...any) *nats.Msg {
	return event("projects.v1.Project"+change, fmt.Sprintf("projects.%s.%d", acme, id), object(id, members, values))
}

// invoice is an event about an invoice.
func invoice(change string, id int64, members string, values ...any) *nats.Msg {
	return event("invoices.v1.Invoice"+change, fmt.Sprintf("invoices.%s.%d", acme, id), object(id, members, values))
}

func object(id int64, members string, values []any) string {
	if members != "" {
		members = "," + fmt.Sprintf(members, values...)
	}
	return fmt.Sprintf(`{"id":%d%s}`, id, members)
}

// event makes the message for an event of another service.
func event(kind, subject, data string) *nats.Msg {
	m := &nats.Msg{Subject: subject, Data: []byte(data), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {uuid.NewString()}, "ce-type": {kind}, "ce-source": {"/another-service"},
		"ce-time": {time.Now().UTC().Format(time.RFC3339Nano)}, "ce-clientversion": {"1"}, "content-type": {"application/json"},
	}}
	return withChecksum(m)
}

// withChecksum sets the checksum of a message.
func withChecksum(m *nats.Msg) *nats.Msg {
	var covered []byte
	for _, part := range []string{
		m.Subject, m.Header.Get("ce-id"), m.Header.Get("ce-type"), m.Header.Get("ce-clientversion"), m.Header.Get("ce-time"), string(m.Data),
	} {
		covered = append(append(covered, part...), 0)
	}
	m.Header.Set("ce-checksum", fmt.Sprintf("%016x", crc64.Checksum(covered, crc64.MakeTable(crc64.ECMA))))
	return m
}

// with sets a header.
func with(m *nats.Msg, name string, values ...string) *nats.Msg {
	m.Header[name] = values
	return m
}

// without removes a header.
func without(m *nats.Msg, name string) *nats.Msg {
	delete(m.Header, name)
	return m
}

// clone returns the same event, to be published once more.
func clone(m *nats.Msg) *nats.Msg {
	return &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}
}

// publish publishes messages in their order, and returns when they are acknowledged.
func (y *system) publish(messages ...*nats.Msg) {
	y.t.Helper()
	var acks []jetstream.PubAckFuture
	for _, m := range messages {
		ack, err := y.js.PublishMsgAsync(clone(m))
		require.NoError(y.t, err)
		acks = append(acks, ack)
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			require.NoError(y.t, err)
		case <-y.deadline().Done():
			require.FailNow(y.t, "not acknowledged")
		}
	}
}

// publishWithRetry publishes one message until it is acknowledged.
func (y *system) publishWithRetry(m *nats.Msg) {
	y.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := y.js.PublishMsg(ctx, clone(m))
		cancel()
		if err == nil {
			return
		}
		require.True(y.t, time.Now().Before(deadline), "not acknowledged: %v", err)
	}
}

// defaultsOf are the events by which a client's defaults followed its invoices, in their order.
func (r *replica) defaultsOf(id int64) (changes []domain.ClientInvoiceDefaultsChanged) {
	r.t.Helper()
	for _, record := range r.stored() {
		if change, ok := record.Event.(domain.ClientInvoiceDefaultsChanged); ok && change.ID == id {
			changes = append(changes, change)
		}
	}
	return changes
}

// stored reads back everything in CLIENTS.
func (r *replica) stored() (records []eventstore.Record) {
	r.t.Helper()
	last, err := r.store.LastSequence(r.deadline())
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(r.deadline())
	defer cancel()
	if last == 0 {
		return nil
	}
	err = r.store.Tail(ctx, 0, func(run []eventstore.Record) error {
		if records = append(records, run...); run[len(run)-1].Sequence >= last {
			cancel()
		}
		return nil
	})
	require.ErrorIs(r.t, err, context.Canceled)
	return records
}
