package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/domain"
	"clients/eventstore/natstest"
	"clients/transport"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The benchmarks hold the service against what it stands on, in the same run: each reports "ratio", how many times as
// long the service takes for its work as its baseline, and the same of the p50 and p99 of single calls. Machines differ and are shared; ratios stay.

// BenchmarkCommand creates clients over HTTP, against bare publishes of messages of the same size with the same
// expectation to the same server, which syncs each to disk.
func BenchmarkCommand(b *testing.B) {
	s := benchService(b, true)
	bare := barePublisher(b, s)
	const body = `<client><name>Benchmark</name><details>123 Main St. Third Floor New York, NY 10011 USA</details></client>`
	create := request(b, s.apiAddr(), "POST", "/clients", body, http.StatusCreated)
	for _, callers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			compare(b, callers, 2000, create, bare)
		})
	}
}

// BenchmarkKeyedCommand creates clients with an Idempotency-Key each, against creating them without.
func BenchmarkKeyedCommand(b *testing.B) {
	s := benchService(b, true)
	const body = `<client><name>Benchmark</name><details>123 Main St. Third Floor New York, NY 10011 USA</details></client>`
	create := request(b, s.apiAddr(), "POST", "/clients", body, http.StatusCreated)
	var key atomic.Int64
	keyed := requests(b, s.apiAddr(), http.StatusCreated, func() string {
		raw := rawRequest("POST", "/clients", body)
		return strings.Replace(raw, "\r\n", fmt.Sprintf("\r\nIdempotency-Key: %d\r\n", key.Add(1)), 1)
	})
	for _, callers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			compare(b, callers, 2000, keyed, create)
		})
	}
}

// barePublisher publishes what an event is in size, through a connection of its own.
func barePublisher(b *testing.B, s *service) func() error {
	nc, err := nats.Connect(s.adminURL())
	require.NoError(b, err)
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	_, err = js.CreateStream(context.Background(), jetstream.StreamConfig{
		Name: "BARE", Subjects: []string{"bare.>"}, DenyDelete: true, AllowDirect: true, AllowAtomicPublish: true, Discard: jetstream.DiscardNew,
	})
	require.NoError(b, err)
	header := nats.Header{}
	for i := range 10 {
		header["ce-header-"+strconv.Itoa(i)] = []string{"0123456789012345678901234567890"}
	}
	data := bytes.Repeat([]byte("x"), 210)
	var last atomic.Int64
	return func() error {
		msg := &nats.Msg{Subject: "bare.default." + strconv.FormatInt(last.Add(1), 10), Header: nats.Header{}, Data: data}
		for name, values := range header {
			msg.Header[name] = values
		}
		_, err := js.PublishMsg(context.Background(), msg, jetstream.WithMsgID(uuid.NewString()), jetstream.WithExpectLastSequencePerSubject(0))
		return err
	}
}

// BenchmarkGetOne reads one client, against a static handler that returns the same bytes.
func BenchmarkGetOne(b *testing.B) {
	for _, consistency := range []string{"eventual", "strong"} {
		s := benchService(b, consistency == "eventual")
		seed(b, s, 1000)
		get := request(b, s.apiAddr(), "GET", "/clients/500", "", http.StatusOK)
		static := request(b, staticServer(b, s, "/clients/500"), "GET", "/", "", http.StatusOK)
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/callers=%d", consistency, callers), func(b *testing.B) {
				compare(b, callers, 5000, get, static)
			})
		}
	}
}

// BenchmarkStrongReads reads one client for certain, against reading it as it is known: on one server, and on three.
func BenchmarkStrongReads(b *testing.B) {
	for _, servers := range []int{1, 3} {
		cluster := natstest.Run(b, servers)
		get := func(eventual bool) func() error {
			s := benchServiceWith(b, config.Config{NATS: natsconn.Settings{URL: cluster.URL()}, StreamReplicas: servers, EventualReads: eventual})
			if s.directory.Stats().Clients == 0 {
				seed(b, s, 1000)
			}
			return request(b, s.apiAddr(), "GET", "/clients/500", "", http.StatusOK)
		}
		strong, eventual := get(false), get(true)
		for _, callers := range []int{16, 64} {
			b.Run(fmt.Sprintf("servers=%d/callers=%d", servers, callers), func(b *testing.B) {
				compare(b, callers, 20_000, strong, eventual)
			})
		}
	}
}

// BenchmarkList reads all of 100,000 clients, against a handler that writes the same bytes from memory.
func BenchmarkList(b *testing.B) {
	s := benchService(b, true)
	seed(b, s, 100_000)
	list := request(b, s.apiAddr(), "GET", "/clients", "", http.StatusOK)
	static := request(b, staticServer(b, s, "/clients"), "GET", "/", "", http.StatusOK)
	compare(b, 1, 3, list, static)
}

// BenchmarkUpdatedSince finds the 100 of 1,000,000 clients that were updated last, against reading one client.
func BenchmarkUpdatedSince(b *testing.B) {
	s := benchService(b, true)
	seed(b, s, 1_000_000)
	since := touch(b, s, 100)
	path := "/clients?updated_since=" + since.UTC().Format(time.RFC3339)
	require.Equal(b, 100, bytes.Count(read(b, s, path), []byte("<client>")))
	recent := request(b, s.apiAddr(), "GET", path, "", http.StatusOK)
	one := request(b, s.apiAddr(), "GET", "/clients/500", "", http.StatusOK)
	compare(b, 1, 2000, recent, one)
}

func read(b *testing.B, s *service, path string) []byte {
	b.Helper()
	response, err := http.Get("http://" + s.apiAddr() + path)
	require.NoError(b, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	return content
}

// compare runs rounds of ours and of the baseline in turn, with so many callers at once, and reports what one takes
// against the other.
func compare(b *testing.B, callers, opsPerRound int, ours, baseline func() error) {
	b.Helper()
	var us, them measure
	us.round(b, callers, max(callers, opsPerRound/10), ours)
	them.round(b, callers, max(callers, opsPerRound/10), baseline)
	us, them = measure{}, measure{}
	for b.Loop() {
		us.round(b, callers, opsPerRound, ours)
		them.round(b, callers, opsPerRound, baseline)
	}
	us.report(b, "")
	them.report(b, "bare-")
	b.ReportMetric(us.perOp().Seconds()/them.perOp().Seconds(), "ratio")
	b.ReportMetric(us.quantile(.5)/them.quantile(.5), "p50-ratio")
	b.ReportMetric(us.quantile(.99)/them.quantile(.99), "p99-ratio")
	b.ReportMetric(0, "ns/op") // a round of both says nothing
}

type measure struct {
	mu        sync.Mutex
	elapsed   time.Duration
	latencies []time.Duration
}

func (m *measure) round(b *testing.B, callers, ops int, call func() error) {
	var left atomic.Int64
	left.Store(int64(ops))
	var group sync.WaitGroup
	begun := time.Now()
	for range callers {
		group.Go(func() {
			var own []time.Duration
			for left.Add(-1) >= 0 {
				start := time.Now()
				if err := call(); err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(start))
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			m.latencies = append(m.latencies, own...)
		})
	}
	group.Wait()
	m.elapsed += time.Since(begun)
}

func (m *measure) perOp() time.Duration { return m.elapsed / time.Duration(max(1, len(m.latencies))) }

// quantile answers a latency in microseconds.
func (m *measure) quantile(q float64) float64 {
	slices.Sort(m.latencies)
	return float64(m.latencies[int(q*float64(len(m.latencies)-1))].Nanoseconds()) / 1e3
}

func (m *measure) report(b *testing.B, prefix string) {
	b.ReportMetric(float64(len(m.latencies))/m.elapsed.Seconds(), prefix+"op/s")
	b.ReportMetric(m.quantile(.5), prefix+"p50-µs")
	b.ReportMetric(m.quantile(.99), prefix+"p99-µs")
}

// benchService runs the service as main does, access log included.
func benchService(b *testing.B, eventual bool) *service {
	b.Helper()
	return benchServiceWith(b, config.Config{DataDir: b.TempDir(), StreamReplicas: 1, EventualReads: eventual})
}

// benchServiceWith is benchService with settings of its own, but for where it listens.
func benchServiceWith(b *testing.B, settings config.Config) *service {
	b.Helper()
	settings.HTTPAddr, settings.OpsAddr, settings.EmbeddedNATSAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	settings.DefaultCurrency = "United States Dollars - USD"
	s, err := start(b.Context(), settings, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	require.NoError(b, err)
	b.Cleanup(func() { _ = s.stop() })
	return s
}

// seed creates clients in the stream, many at once, and returns when they can be read.
func seed(b *testing.B, s *service, n int) {
	b.Helper()
	const writers = 450 // they share atomic batches
	var next atomic.Int64
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for id := next.Add(1); id <= int64(n); id = next.Add(1) {
				appendEvent(b, s, 1, 0, domain.ClientCreated{
					ID: id, Name: fmt.Sprintf("Client %07d Ltd", id*7919%int64(n)), Currency: "United States Dollars - USD", CurrencySymbol: "$",
					Active: true, Details: "123 Main St. Third Floor New York, NY 10011 USA 212-555-1212",
				})
			}
		})
	}
	group.Wait()
	require.NoError(b, s.directory.Refresh(b.Context()))
}

// touch updates the first n clients, a second after everything before, and answers that second.
func touch(b *testing.B, s *service, n int) time.Time {
	b.Helper()
	since := s.directory.Stats().StoredAt.Truncate(time.Second).Add(time.Second)
	require.Eventually(b, func() bool { return time.Now().After(since) }, 2*time.Second, time.Millisecond)
	for id := range int64(n) {
		state := s.directory.State(domain.DefaultAccount, id+1)
		appendEvent(b, s, 2, state.LastSequence, domain.ClientToggled{ID: id + 1})
	}
	require.NoError(b, s.directory.Refresh(b.Context()))
	return since
}

func appendEvent(b *testing.B, s *service, version, lastSequence uint64, event domain.Event) {
	_, err := s.store.Append(b.Context(), domain.Envelope{
		EventID: uuid.NewString(), Account: domain.DefaultAccount, Event: event, Version: version, Time: time.Now(),
	}, lastSequence)
	if err != nil {
		b.Error(err)
	}
}

// staticServer serves the bytes that the service answers on path, from memory.
func staticServer(b *testing.B, s *service, path string) (addr string) {
	b.Helper()
	content := read(b, s, path)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	server := transport.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content)
	}), slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}
