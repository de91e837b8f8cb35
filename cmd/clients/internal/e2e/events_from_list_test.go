package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// listCopy is a list that a subscriber has taken, and keeps up to date with events.
type listCopy struct {
	t        *testing.T
	sequence uint64
	clock    time.Time // of the last event
	clients  map[int64]view
}

// takeList takes the list of the default account.
func takeList(t *testing.T, c *client) *listCopy {
	t.Helper()
	r := c.want(http.StatusOK, http.MethodGet, "/clients.json", "")
	sequence, err := strconv.ParseUint(r.header.Get("Stream-Sequence"), 10, 64)
	require.NoError(t, err)
	var documents []struct{ Client view }
	require.NoError(t, json.Unmarshal([]byte(r.body), &documents))
	l := &listCopy{t: t, sequence: sequence, clients: make(map[int64]view)}
	for _, d := range documents {
		l.clients[d.Client.ID] = d.Client
	}
	return l
}

// apply changes the copy by an event.
func (l *listCopy) apply(m jetstream.Msg) {
	l.t.Helper()
	meta, err := m.Metadata()
	require.NoError(l.t, err)
	var data struct{ ID int64 }
	require.NoError(l.t, json.Unmarshal(m.Data(), &data))
	version, err := strconv.ParseUint(m.Headers().Get("ce-clientversion"), 10, 64)
	require.NoError(l.t, err)
	l.sequence = meta.Sequence.Stream
	v, exists := l.clients[data.ID]
	require.Equal(l.t, version > 1, exists, "event %d of client %d, version %d", l.sequence, data.ID, version)
	if meta.Timestamp.After(l.clock) {
		l.clock = meta.Timestamp
	}
	if m.Headers().Get("ce-type") == "clients.v1.ClientDeleted" {
		delete(l.clients, data.ID)
		return
	}
	require.NoError(l.t, json.Unmarshal(m.Data(), &v))
	v.UpdatedAt = l.clock.UTC().Truncate(time.Second)
	if v.CacheVersion = version - 1; !exists {
		v.CreatedAt = v.UpdatedAt
	}
	l.clients[data.ID] = v
}

// writers create, change and delete clients of their own until they are stopped.
func writers(c *client, n int) (written *atomic.Int64, stop func()) {
	written, ended := new(atomic.Int64), make(chan struct{})
	var all sync.WaitGroup
	for w := range n {
		all.Go(func() {
			var own []string
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				default:
				}
				method, target, body := http.MethodPost, "/clients", fmt.Sprintf(`{"client":{"name":"%d of %d","highrise_id":%d}}`, i, w, i+1)
				switch {
				case len(own) > 2 && i%5 == 4:
					method, target, body, own = http.MethodDelete, own[0], "", own[1:]
				case len(own) > 0 && i%5 == 1:
					target, body = own[len(own)-1]+"/toggle", ""
				case len(own) > 0 && i%5 > 1:
					method, target, body = http.MethodPut, own[i%len(own)], fmt.Sprintf(`{"client":{"details":"%d","highrise_id":null}}`, i)
				}
				r, err := c.send(method, target, body, asJSON)
				if err != nil {
					c.t.Error(err)
					return
				}
				if r.status == http.StatusCreated {
					own = append(own, r.header.Get("Location"))
				}
				written.Add(1)
			}
		})
	}
	return written, func() { close(ended); all.Wait() }
}

// A subscriber that takes a list while clients change, and reads on behind its position, has an exact copy.
func TestAListAndTheEventsBehindItAreAnExactCopy(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T) (writing, reading *service){
		"embedded": func(t *testing.T) (_, _ *service) { s := start(t); return s, s },
		"two replicas": func(t *testing.T) (_, _ *service) {
			replicas := startReplicas(t, 2, natstest.Run(t, 1).URL(), "CLIENTS_STREAM_REPLICAS=1")
			return replicas[0], replicas[1]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			writing, reading := begin(t)
			js := reading.partner(t)
			for range 4 {
				written, stop := writers(writing.client, 6)
				stop = sync.OnceFunc(stop)
				t.Cleanup(stop)
				more := func() {
					from := written.Load()
					eventually(t, func() bool { return written.Load() > from+50 || t.Failed() }, "clients change")
				}
				more()
				copied := takeList(t, reading.client)
				for id := range copied.clients { // one gets invoice defaults, perhaps
					invoice(t, js, "InvoiceCreated", id, fmt.Sprintf(`"client_id":%d,"kind":"free","period_start":"2011-01-01","period_end":"2011-12-31"`, id))
					break
				}
				more()
				consumer, err := js.OrderedConsumer(t.Context(), "CLIENTS", jetstream.OrderedConsumerConfig{
					FilterSubjects: []string{"clients.default.>"}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: copied.sequence + 1,
				})
				require.NoError(t, err)
				messages, err := consumer.Messages()
				require.NoError(t, err)
				for range 60 {
					m, err := messages.Next()
					require.NoError(t, err)
					copied.apply(m)
				}
				stop()
				final := takeList(t, reading.client)
				for last := lastEventUpTo(t, js, final.sequence); copied.sequence < last; {
					m, err := messages.Next()
					require.NoError(t, err)
					copied.apply(m)
				}
				messages.Stop()
				require.NotEmpty(t, final.clients)
				require.Equal(t, final.clients, copied.clients)
			}
		})
	}
}

// lastEventUpTo returns the sequence of the last event of the default account that is not behind a sequence.
func lastEventUpTo(t *testing.T, js jetstream.JetStream, sequence uint64) (last uint64) {
	t.Helper()
	for _, e := range events(t, js, "clients.default.>") {
		if e.sequence <= sequence {
			last = e.sequence
		}
	}
	return last
}
