package embedded_test

import (
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Operations on the stream of another service that take more than one line.

func aged(t *testing.T, f *foreign) {
	f.large(1, 60)
	f.config.MaxAge, f.config.Duplicates = 100*time.Millisecond, 100*time.Millisecond
	f.update()
	require.Eventually(t, func() bool { return f.messages() == 0 }, 10*time.Second, 20*time.Millisecond)
	f.publish(1, 3)
}

func short(t *testing.T, f *foreign) {
	f.config.AllowMsgTTL = true
	f.update()
	f.publish(1, 20)
	for range 20 {
		f.send(f.subject+"short", nats.Header{"Nats-TTL": {"1s"}}, []byte("{}"))
	}
	f.publish(1, 20)
	require.Eventually(t, func() bool { return f.messages() == 40 }, 10*time.Second, 20*time.Millisecond)
}

func marked(t *testing.T, f *foreign) {
	f.config.AllowMsgTTL, f.config.SubjectDeleteMarkerTTL, f.config.AllowRollup = true, time.Minute, true
	f.config.MaxAge, f.config.Duplicates = 200*time.Millisecond, 200*time.Millisecond
	f.update()
	for range 5 {
		f.send(f.subject+"short", nil, []byte("{}"))
	}
	require.Eventually(t, func() bool { // the marker takes a sequence of its own
		info, err := f.stream().Info(deadline(t))
		return err == nil && info.State.LastSeq > 5
	}, 10*time.Second, 20*time.Millisecond)
}

func queued(t *testing.T, f *foreign) {
	f.remove()
	f.config.Retention = jetstream.WorkQueuePolicy
	f.create()
	f.large(1, 60)
	consume(t, f, "")
	require.Eventually(t, func() bool { return f.messages() == 0 }, 10*time.Second, 20*time.Millisecond)
	f.publish(1, 3)
}

func consumed(t *testing.T, f *foreign) {
	f.publish(1, 60)
	consume(t, f, "durable")
	consume(t, f, "")
}

func unconsumed(t *testing.T, f *foreign) {
	consumed(t, f)
	require.NoError(t, f.stream().DeleteConsumer(deadline(t), "durable"))
}

func consume(t *testing.T, f *foreign, durable string) {
	t.Helper()
	consumer, err := f.s.js.CreateConsumer(deadline(t), f.config.Name, jetstream.ConsumerConfig{Durable: durable, AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	batch, err := consumer.Fetch(60)
	require.NoError(t, err)
	for msg := range batch.Messages() {
		require.NoError(t, msg.DoubleAck(deadline(t)))
	}
	require.NoError(t, batch.Error())
}

func mirrored(t *testing.T, f *foreign) {
	f.large(1, 60)
	_, err := f.s.js.CreateStream(deadline(t), jetstream.StreamConfig{Name: "MIRROR", Mirror: &jetstream.StreamSource{Name: f.config.Name}})
	require.NoError(t, err)
	f.delete(5, 10)
	require.Eventually(t, func() bool {
		stream, err := f.s.js.Stream(deadline(t), "MIRROR")
		return err == nil && stream.CachedInfo().State.LastSeq == 60
	}, 10*time.Second, 20*time.Millisecond)
}

func objects(t *testing.T, f *foreign) {
	bucket, err := f.s.js.CreateObjectStore(deadline(t), jetstream.ObjectStoreConfig{Bucket: "backups"})
	require.NoError(t, err)
	for _, name := range []string{"a", "b", "a"} {
		_, err = bucket.PutString(deadline(t), name, strings.Repeat("0123456789", 100_000))
		require.NoError(t, err)
	}
	require.NoError(t, bucket.Delete(deadline(t), "b"))
}

func counted(t *testing.T, f *foreign) {
	_, err := f.s.js.CreateStream(deadline(t), jetstream.StreamConfig{Name: "COUNTER", Subjects: []string{"count"}, AllowMsgCounter: true})
	require.NoError(t, err)
	for range 50 {
		f.send("count", nats.Header{"Nats-Incr": {"1"}}, nil)
	}
}

// strange publishes messages that a server stores although no client library sends them.
func strange(t *testing.T, f *foreign) {
	options := f.s.nc.Opts
	url := strings.Replace(options.InProcessServer.(*server.Server).ClientURL(), "://", "://"+options.User+":"+options.Password+"@", 1)
	for _, header := range []string{
		"NATS/1.0\r\n\r\n", "NATS/1.0 200 OK\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0\r\n: no name\r\n\r\n",
		"NATS/1.0\r\na:b\r\nA: b\r\na:\r\n\r\n", "NATS/1.0\r\na: \x00\xff\r\n\r\n",
	} {
		natstest.PublishRaw(t, url, f.subject+"1", header, "body\r\n\r\nbody")
	}
	f.send(f.subject+strings.Repeat("x.", 100)+"y", nil, nil)
	f.send(f.subject+"\u00e9\u00a0", nats.Header{"Two-Valued": {"", "zwei"}}, []byte("NATS/1.0\r\n\r\n"))
}

func odd(_ *testing.T, f *foreign) {
	for _, body := range []string{"", "\x00", strings.Repeat("\x00", 5000), "cmp\x01", strings.Repeat("\xff", 70_000)} {
		f.send(f.subject+"1", nil, []byte(body))
		f.send(f.subject+"1", nats.Header{"a": {"b"}}, []byte(body))
	}
}
