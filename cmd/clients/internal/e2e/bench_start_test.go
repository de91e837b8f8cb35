package e2e_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// BenchmarkStart starts a service with CLIENTS_BENCH_CLIENTS clients of CLIENTS_BENCH_VERSIONS events each, until it is ready:
// from a snapshot, and from the whole stream. It reports the time and the processor time that each takes. The baseline is an
// ordered consumer that reads the same stream and does nothing. Of a large store the events are older than two minutes, as they
// are elsewhere: later ones are read by nats-server in a start, for their ids.
func BenchmarkStart(b *testing.B) {
	n := size(b, "CLIENTS_BENCH_CLIENTS", 10_000)
	versions := size(b, "CLIENTS_BENCH_VERSIONS", 2)
	spent := map[string]time.Duration{}
	for _, p := range programsMeasured() {
		s := startSeeded(b, p, n, versions, "CLIENTS_SCRUB_INTERVAL=0")
		if n*versions > 1_000_000 {
			time.Sleep(2 * time.Minute)
		}
		timed := func(what string) {
			begun := time.Now()
			s = s.begunAgain(b)
			spent[p.name+what] += time.Since(begun)
			spent[p.name+what+"-cpu"] += s.processorTime(b)
		}
		b.Run(p.name+"program", func(b *testing.B) {
			for b.Loop() {
				require.Zero(b, s.stop(b))
				timed("snapshot")
				snapshots, err := s.administrator(b).Stream(b.Context(), "OBJ_CLIENTS_SNAPSHOTS")
				require.NoError(b, err)
				require.NoError(b, snapshots.Purge(b.Context()))
				s.kill()
				timed("replay")
				spent[p.name+"bare"] += readAll(b, s.administrator(b))
			}
			for what, d := range spent {
				b.ReportMetric(d.Seconds()/float64(b.N), "s/"+what)
			}
			clear(spent)
			b.ReportMetric(0, "ns/op")
		})
	}
}

// readAll returns how long it takes to read CLIENTS.
func readAll(b *testing.B, js jetstream.JetStream) time.Duration {
	b.Helper()
	stream, err := js.Stream(b.Context(), "CLIENTS")
	require.NoError(b, err)
	begun, last := time.Now(), stream.CachedInfo().State.LastSeq
	consumer, err := stream.OrderedConsumer(b.Context(), jetstream.OrderedConsumerConfig{})
	require.NoError(b, err)
	done := make(chan struct{})
	consumption, err := consumer.Consume(func(m jetstream.Msg) {
		if meta, err := m.Metadata(); err == nil && meta.Sequence.Stream == last {
			close(done)
		}
	}, jetstream.PullMaxMessages(1024))
	require.NoError(b, err)
	defer consumption.Stop()
	<-done
	return time.Since(begun)
}

// BenchmarkReferences starts a service with a backlog of project events, and waits until commands take all of them into
// account. The baseline publishes as many messages to the same server.
func BenchmarkReferences(b *testing.B) {
	events := size(b, "CLIENTS_BENCH_EVENTS", 20_000)
	for _, p := range programsMeasured() {
		b.Run(p.name+"program", func(b *testing.B) {
			var ours, bare time.Duration
			for b.Loop() {
				servers := natstest.Run(b, 1)
				s := startProgram(b, p, "CLIENTS_NATS_URL="+servers.URL(), "CLIENTS_STREAM_REPLICAS=1")
				id := s.create("SuprCorp")
				require.Zero(b, s.stop(b))
				_, js := connect(b, servers.URL())
				for stream, subject := range map[string]string{"PROJECTS": "projects.>", "INVOICES": "invoices.>", "BARE": "bare.>"} {
					_, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{subject}})
					require.NoError(b, err)
				}
				backlog := func(subject string) {
					publishAll(b, js, events, func(i int) *nats.Msg {
						return message(fmt.Sprintf(subject, i), fmt.Sprintf(`{"id":%d,"client_id":%d,"active":true}`, i, id),
							"ce-specversion", "1.0", "ce-id", fmt.Sprint(i), "ce-source", "/bench", "ce-type", "projects.v1.ProjectCreated")
					})
				}
				backlog("projects.default.%d")
				begun := time.Now()
				s = startProgram(b, p, "CLIENTS_NATS_URL="+servers.URL(), "CLIENTS_STREAM_REPLICAS=1")
				want := fmt.Sprintf("%d active projects", events)
				eventually(b, func() bool {
					return strings.Contains(s.do(http.MethodDelete, path(id), "").header.Get("Hint"), want)
				}, "all are taken into account")
				ours += time.Since(begun)
				begun = time.Now()
				backlog("bare.default.%d")
				bare += time.Since(begun)
				s.kill()
			}
			perSecond := func(took time.Duration) float64 { return float64(b.N*events) / took.Seconds() }
			b.ReportMetric(perSecond(ours), "events/s")
			b.ReportMetric(perSecond(bare), "bare-events/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkBackup backs up and restores CLIENTS_BENCH_EVENTS events, and a key for each of them: into a data directory, and
// to one server and to three that sync each message.
func BenchmarkBackup(b *testing.B) {
	events := size(b, "CLIENTS_BENCH_EVENTS", 2_000)
	servers := natstest.Run(b, 1, func(o *server.Options) { o.SyncAlways = false })
	for _, p := range programsMeasured() {
		b.Run(p.name+"program", func(b *testing.B) {
			s := startProgram(b, p, "CLIENTS_NATS_URL="+servers.URL(), "CLIENTS_STREAM_REPLICAS=1")
			if p.path == binary {
				seed(b, s.administrator(b), events, 1)
				publishAll(b, s.administrator(b), events, func(i int) *nats.Msg {
					value := fmt.Sprintf(`{"fingerprint":"%064d","client_id":%d,"event_id":"%d","after":%d,"answer":{"version":1,"checksum":"%016x"}}`, i, i, i, i, i)
					return message(fmt.Sprintf("$KV.CLIENTS_KEYS.default.%064x", i), value)
				})
			}
			spent := map[string]time.Duration{}
			timed := func(what string, args ...string) {
				begun := time.Now()
				cmd := exec.Command(p.path, args...)
				cmd.Env = environment(b.TempDir(), nil)
				out, err := cmd.CombinedOutput()
				require.NoError(b, err, "%s", out)
				spent[what] += time.Since(begun)
			}
			for b.Loop() {
				folder, dir := filepath.Join(b.TempDir(), "backup"), filepath.Join(b.TempDir(), "data")
				timed("backup", "backup", folder, "--nats-url", servers.URL())
				timed("directory", "restore", folder, "--data-dir", dir)
				timed("server", "restore", folder, "--stream-replicas", "1", "--nats-url", natstest.Run(b, 1).URL())
				timed("servers", "restore", folder, "--nats-url", natstest.Run(b, 3).URL())
			}
			for what, d := range spent {
				b.ReportMetric(d.Seconds()/float64(b.N), "s/"+what)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
