package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

const benchClient = `<client><name>Benchmark</name><details>123 Main St. Third Floor New York, NY 10011 USA</details></client>`

// BenchmarkCommand creates clients, without and with an Idempotency-Key each. The baseline is bare publishes of messages of
// the same size with the same expectation to the same server, which syncs each to disk.
func BenchmarkCommand(b *testing.B) {
	var plain, keyed []subject
	var key atomic.Int64
	for _, p := range programsMeasured() {
		s := startProgram(b, p, "CLIENTS_READ_CONSISTENCY=eventual")
		create := requester(b, s.base, http.StatusCreated, same(text("POST", "/clients", "", benchClient)))
		withKey := requester(b, s.base, http.StatusCreated, func() string {
			return text("POST", "/clients", fmt.Sprintf("Idempotency-Key: %d\r\n", key.Add(1)), benchClient)
		})
		plain, keyed = append(plain, subject{p.name, create, s}), append(keyed, subject{p.name, withKey, s})
		if p.path == binary {
			plain = append(plain, subject{"bare-", barePublisher(b, s), nil})
			keyed = append(keyed, subject{"plain-", create, s})
		}
	}
	for _, callers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("plain/callers=%d", callers), func(b *testing.B) { compare(b, callers, 2000, plain...) })
		b.Run(fmt.Sprintf("keyed/callers=%d", callers), func(b *testing.B) { compare(b, callers, 2000, keyed...) })
	}
}

// BenchmarkThreeServers creates clients on three NATS servers, which run in the process of the benchmark. Compare it with -previous.
func BenchmarkThreeServers(b *testing.B) {
	var subjects []subject
	for _, p := range programsMeasured() {
		s := startProgram(b, p, "CLIENTS_NATS_URL="+natstest.Run(b, 3).URL(), "CLIENTS_STREAM_REPLICAS=3")
		subjects = append(subjects, subject{p.name, requester(b, s.base, http.StatusCreated, same(text("POST", "/clients", "", benchClient))), s})
	}
	for _, callers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { compare(b, callers, 2000, subjects...) })
	}
}

// barePublisher publishes what an event is in size, through a connection of its own.
func barePublisher(b *testing.B, s *service) func() error {
	b.Helper()
	js := s.administrator(b)
	_, err := js.CreateStream(b.Context(), jetstream.StreamConfig{
		Name: "BARE", Subjects: []string{"bare.>"}, DenyDelete: true, AllowDirect: true, AllowAtomicPublish: true, Discard: jetstream.DiscardNew,
	})
	require.NoError(b, err)
	data := bytes.Repeat([]byte("x"), 210)
	var last atomic.Int64
	return func() error {
		m := &nats.Msg{Subject: "bare.default." + strconv.FormatInt(last.Add(1), 10), Header: nats.Header{}, Data: data}
		for i := range 10 {
			m.Header["ce-header-"+strconv.Itoa(i)] = []string{"0123456789012345678901234567890"}
		}
		_, err := js.PublishMsg(context.Background(), m, jetstream.WithMsgID(uuid.NewString()), jetstream.WithExpectLastSequencePerSubject(0))
		return err
	}
}

// BenchmarkGetOne reads one client. The baseline is a static handler that returns the same bytes and writes the same access log.
func BenchmarkGetOne(b *testing.B) {
	for _, consistency := range []string{"eventual", "strong"} {
		subjects := getSubjects(b, 1000, "/clients/500", "CLIENTS_READ_CONSISTENCY="+consistency)
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/callers=%d", consistency, callers), func(b *testing.B) { compare(b, callers, 5000, subjects...) })
		}
	}
}

// BenchmarkList reads all of 100,000 clients.
func BenchmarkList(b *testing.B) {
	compare(b, 1, 3, getSubjects(b, 100_000, "/clients", "CLIENTS_READ_CONSISTENCY=eventual")...)
}

// getSubjects are services with n clients and a static handler, each of which returns path.
func getSubjects(b *testing.B, n int, path string, variables ...string) (subjects []subject) {
	b.Helper()
	for _, p := range programsMeasured() {
		s := startSeeded(b, p, n, 1, variables...)
		subjects = append(subjects, subject{p.name, requester(b, s.base, http.StatusOK, same(text("GET", path, "", ""))), s})
		if p.path == binary {
			content := s.want(http.StatusOK, http.MethodGet, path, "").body
			static := startStatic(b, content)
			subjects = append(subjects, subject{"static-", requester(b, static.base, http.StatusOK, same(text("GET", path, "", ""))), static})
		}
	}
	return subjects
}

// BenchmarkStrongReads reads one client with strong consistency, on one external server and on three. The baseline is the
// same with eventual consistency.
func BenchmarkStrongReads(b *testing.B) {
	for _, n := range []int{1, 3} {
		servers := natstest.Run(b, n)
		var subjects []subject
		for _, p := range append(programsMeasured(), program{"eventual-", binary}) {
			s := startProgram(b, p, "CLIENTS_NATS_URL="+servers.URL(), fmt.Sprintf("CLIENTS_STREAM_REPLICAS=%d", n),
				"CLIENTS_READ_CONSISTENCY="+map[bool]string{true: "eventual", false: "strong"}[p.name == "eventual-"])
			if len(subjects) == 0 {
				s.create("Benchmark")
			}
			subjects = append(subjects, subject{p.name, requester(b, s.base, http.StatusOK, same(text("GET", "/clients/1", "", ""))), s})
		}
		for _, callers := range []int{16, 64} {
			b.Run(fmt.Sprintf("servers=%d/callers=%d", n, callers), func(b *testing.B) { compare(b, callers, 20_000, subjects...) })
		}
	}
}

// BenchmarkUpdatedSince finds the 100 of 1,000,000 clients that were updated last. The baseline is reading one client.
func BenchmarkUpdatedSince(b *testing.B) {
	n := size(b, "CLIENTS_BENCH_CLIENTS", 1_000_000)
	var subjects []subject
	for _, p := range programsMeasured() {
		s := startSeeded(b, p, n, 1, "CLIENTS_READ_CONSISTENCY=eventual")
		since := s.get(int64(n)).UpdatedAt.Add(time.Second)
		require.Eventually(b, func() bool { return time.Now().After(since) }, 2*time.Second, time.Millisecond)
		for id := range int64(100) {
			s.want(http.StatusOK, http.MethodPost, togglePath(id+1), "")
		}
		path := "/clients?updated_since=" + since.UTC().Format(time.RFC3339)
		require.Len(b, s.list(strings.TrimPrefix(path, "/clients")), 100)
		subjects = append(subjects, subject{p.name, requester(b, s.base, http.StatusOK, same(text("GET", path, "", ""))), s})
		if p.path == binary {
			subjects = append(subjects, subject{"one-", requester(b, s.base, http.StatusOK, same(text("GET", "/clients/500", "", ""))), s})
		}
	}
	compare(b, 1, 2000, subjects...)
}

// BenchmarkDelete deletes clients, which waits for what other services published. The baseline is changing their names.
func BenchmarkDelete(b *testing.B) {
	const clients = 30_000
	var subjects []subject
	for _, p := range programsMeasured() {
		s := startSeeded(b, p, clients, 1, "CLIENTS_READ_CONSISTENCY=eventual")
		var deleted, changed atomic.Int64
		subjects = append(subjects, subject{p.name, requester(b, s.base, http.StatusOK, func() string {
			return text("DELETE", path(clients-deleted.Add(1)), "", "")
		}), s})
		if p.path == binary {
			subjects = append(subjects, subject{"put-", requester(b, s.base, http.StatusOK, func() string {
				n := changed.Add(1)
				return text("PUT", path(1+n%1000), "", fmt.Sprintf("<client><name>Changed %d</name></client>", n))
			}), s})
		}
	}
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { compare(b, callers, 1000, subjects...) })
	}
}

// BenchmarkScrub reads and changes clients while the stream is scrubbed every second. The baseline is without a scrub.
func BenchmarkScrub(b *testing.B) {
	n := size(b, "CLIENTS_BENCH_CLIENTS", 10_000)
	var get, put []subject
	for _, c := range []struct{ prefix, interval string }{{"", "1s"}, {"unscrubbed-", "0"}} {
		s := startSeeded(b, program{"", binary}, n, 1, "CLIENTS_SCRUB_INTERVAL="+c.interval)
		var changed atomic.Int64
		get = append(get, subject{c.prefix, requester(b, s.base, http.StatusOK, same(text("GET", "/clients/500", "", ""))), s})
		put = append(put, subject{c.prefix, requester(b, s.base, http.StatusOK, func() string {
			n := changed.Add(1)
			return text("PUT", path(1+n%100), "", fmt.Sprintf("<client><details>%d</details></client>", n))
		}), s})
	}
	b.Run("get", func(b *testing.B) { compare(b, 1, 2000, get...) })
	b.Run("put", func(b *testing.B) { compare(b, 1, 500, put...) })
}
