package embedded_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The service starts, also after a kill, whatever other teams and operators do to streams that are not its own.
func TestStartAcceptsChangesOfOtherStreams(t *testing.T) {
	t.Parallel()
	acts := map[string]func(*testing.T, *foreign){
		"nothing":                     func(t *testing.T, f *foreign) { f.publish(1, 50) },
		"large ones":                  func(t *testing.T, f *foreign) { f.large(1, 100) },
		"a purge of everything":       func(t *testing.T, f *foreign) { f.large(1, 100); f.purge() },
		"a purge, and more":           func(t *testing.T, f *foreign) { f.large(1, 100); f.purge(); f.publish(1, 5) },
		"two purges":                  func(t *testing.T, f *foreign) { f.publish(1, 100); f.purge(); f.publish(1, 5); f.purge() },
		"a purge of one subject":      func(t *testing.T, f *foreign) { f.large(1, 100); f.purge(jetstream.WithPurgeSubject(f.subject + "7")) },
		"a purge of every subject":    func(t *testing.T, f *foreign) { f.large(1, 100); f.purge(jetstream.WithPurgeSubject(f.subject + ">")) },
		"a purge of all but a few":    func(t *testing.T, f *foreign) { f.large(1, 100); f.purge(jetstream.WithPurgeKeep(3)) },
		"a purge up to a sequence":    func(t *testing.T, f *foreign) { f.large(1, 100); f.purge(jetstream.WithPurgeSequence(60)) },
		"the head deleted":            func(t *testing.T, f *foreign) { f.large(1, 100); f.delete(1, 10) },
		"the middle deleted":          func(t *testing.T, f *foreign) { f.large(1, 100); f.delete(40, 90) },
		"the tail deleted":            func(t *testing.T, f *foreign) { f.large(1, 100); f.delete(90, 100) },
		"all of it deleted":           func(t *testing.T, f *foreign) { f.publish(1, 60); f.delete(1, 60) },
		"all of it deleted, and more": func(t *testing.T, f *foreign) { f.large(1, 100); f.delete(1, 100); f.publish(1, 3) },
		"the middle erased":           func(t *testing.T, f *foreign) { f.publish(1, 60); f.erase(20, 40) },
		"the tail erased":             func(t *testing.T, f *foreign) { f.publish(1, 60); f.erase(50, 60) },
		"all of it erased":            func(t *testing.T, f *foreign) { f.large(1, 100); f.erase(1, 100) },
		"a limit of messages":         func(t *testing.T, f *foreign) { f.large(1, 60); f.config.MaxMsgs = 20; f.update(); f.large(1, 40) },
		"a limit for each subject": func(t *testing.T, f *foreign) {
			f.config.MaxMsgsPerSubject = 1
			f.update()
			f.large(1, 60)
			f.large(1, 60)
		},
		"a limit of bytes":            func(t *testing.T, f *foreign) { f.config.MaxBytes = 1 << 19; f.update(); f.large(1, 60) },
		"a limit of age":              aged,
		"a time to live of messages":  short,
		"a time to live, and markers": marked,
		"compression": func(t *testing.T, f *foreign) {
			f.config.Compression = jetstream.S2Compression
			f.update()
			f.large(1, 150)
		},
		"compression from now on": func(t *testing.T, f *foreign) {
			f.large(1, 100)
			f.config.Compression = jetstream.S2Compression
			f.update()
			f.large(1, 100)
			f.delete(90, 110)
		},
		"compression no more": func(t *testing.T, f *foreign) {
			f.config.Compression = jetstream.S2Compression
			f.update()
			f.large(1, 100)
			f.config.Compression = jetstream.NoCompression
			f.update()
			f.large(1, 100)
			f.delete(50, 110)
		},
		"a subject added": func(t *testing.T, f *foreign) {
			f.publish(1, 10)
			f.config.Subjects = append(f.config.Subjects, "more.>")
			f.update()
			f.send("more.x", nil, nil)
		},
		"deleted":                func(t *testing.T, f *foreign) { f.large(1, 100); f.remove() },
		"deleted and made again": func(t *testing.T, f *foreign) { f.large(1, 100); f.remove(); f.create(); f.publish(1, 5) },
		"in memory": func(t *testing.T, f *foreign) {
			f.remove()
			f.config.Storage = jetstream.MemoryStorage
			f.create()
			f.publish(1, 50)
		},
		"a first sequence": func(t *testing.T, f *foreign) {
			f.remove()
			f.config.FirstSeq = 1000
			f.create()
			f.publish(1, 50)
			f.delete(1010, 1020)
		},
		"sealed": func(t *testing.T, f *foreign) { f.publish(1, 50); f.config.Sealed = true; f.update() },
		"rollups": func(t *testing.T, f *foreign) {
			f.config.AllowRollup = true
			f.update()
			f.large(1, 60)
			f.send(f.subject+"5", nats.Header{"Nats-Rollup": {"all"}}, nil)
		},
		"a work queue":                 queued,
		"consumers":                    consumed,
		"a consumer that was deleted":  unconsumed,
		"a mirror":                     mirrored,
		"a bucket of objects":          objects,
		"a counter":                    counted,
		"batches":                      func(t *testing.T, f *foreign) { f.config.AllowAtomicPublish = true; f.update(); f.publish(1, 3) },
		"many messages in quarantine":  func(t *testing.T, f *foreign) { f.quarantined(1, 100, 0) },
		"most of quarantine dropped":   func(t *testing.T, f *foreign) { f.quarantined(1001, 100, 95) },
		"strange subjects and headers": strange,
		"odd bodies":                   odd,
	}
	stopped := t.TempDir()
	killed := serve(t, stopped, func(s *service) {
		s.besideEvents()
		t.Run("alive", func(t *testing.T) {
			for name, act := range acts {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					act(t, newForeign(t, s, strings.NewReplacer(" ", "_", ",", "").Replace(name)))
				})
			}
		})
		s.create(3)
	})
	for how, dir := range map[string]string{"stopped": stopped, "killed": killed} {
		again := serve(t, dir, func(s *service) {
			require.Equal(t, uint64(3), s.last(), how)
			s.create(1)
		})
		for _, dir := range []string{dir, again} {
			serve(t, dir, func(s *service) { require.Equal(t, uint64(4), s.last(), how) })
		}
	}
}

// A configuration and its checksum are written one after the other. After a kill in between, the server ignores the stream, and
// the service creates it again with its messages.
func TestStreamKeepsItsMessagesAfterAnInterruptedUpdate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := []string{eventstore.IDStream, deadletter.Stream, upstream.Projects.Name}
	messages := make(map[string]uint64)
	serve(t, dir, func(s *service) {
		s.besideEvents()
		for _, subject := range []string{"projects.a.1", "clients-quarantine.x"} {
			for range 5 {
				_, err := s.js.Publish(deadline(t), subject, []byte("{}"))
				require.NoError(t, err)
			}
		}
		_, err := s.NextID(deadline(t), 0)
		require.NoError(t, err)
		for _, stream := range own {
			messages[stream] = s.state(stream).Msgs
			require.NotZero(t, messages[stream], stream)
		}
	})
	for _, stream := range own {
		edit(t, filepath.Join(streamDir(dir, stream), "meta.sum"), func([]byte) []byte { return []byte("0123456789abcdef") })
	}
	serve(t, dir, func(s *service) {
		s.besideEvents()
		for _, stream := range own {
			require.Equal(t, messages[stream], s.state(stream).Msgs, stream)
		}
	})
}

// foreign is a stream of another service.
type foreign struct {
	*testing.T
	s       *service
	config  jetstream.StreamConfig
	subject string // of its messages, and more tokens
}

// newForeign creates a stream with small blocks.
func newForeign(t *testing.T, s *service, name string) *foreign {
	t.Helper()
	f := &foreign{T: t, s: s, config: jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}, MaxBytes: 4 << 20}, subject: name + ".a."}
	f.create()
	return f
}

func (f *foreign) send(subject string, header nats.Header, body []byte) {
	f.Helper()
	_, err := f.s.js.PublishMsg(deadline(f), &nats.Msg{Subject: subject, Header: header, Data: body})
	require.NoError(f, err)
}

func (f *foreign) publish(first, last int) {
	f.Helper()
	for i := first; i <= last; i++ {
		f.send(f.subject+strconv.Itoa(i), nats.Header{"ce-id": {fmt.Sprint(i)}}, []byte(`{"id":1}`))
	}
}

// large publishes messages that fill more than one block.
func (f *foreign) large(first, last int) {
	f.Helper()
	body := bytes.Repeat([]byte("0123456789"), 2_000)
	for i := first; i <= last; i++ {
		f.send(f.subject+strconv.Itoa(i), nats.Header{"ce-id": {fmt.Sprint(i)}}, body)
	}
}

func (f *foreign) stream() jetstream.Stream {
	f.Helper()
	stream, err := f.s.js.Stream(deadline(f), f.config.Name)
	require.NoError(f, err)
	return stream
}

func (f *foreign) purge(options ...jetstream.StreamPurgeOpt) {
	f.Helper()
	require.NoError(f, f.stream().Purge(deadline(f), options...))
}

func (f *foreign) delete(first, last uint64) {
	f.Helper()
	stream := f.stream()
	for n := first; n <= last; n++ {
		require.NoError(f, stream.DeleteMsg(deadline(f), n))
	}
}

// erase deletes messages and overwrites their data.
func (f *foreign) erase(first, last uint64) {
	f.Helper()
	stream := f.stream()
	for n := first; n <= last; n++ {
		require.NoError(f, stream.SecureDeleteMsg(deadline(f), n))
	}
}

func (f *foreign) update() {
	f.Helper()
	_, err := f.s.js.UpdateStream(deadline(f), f.config)
	require.NoError(f, err)
}

func (f *foreign) remove() {
	f.Helper()
	require.NoError(f, f.s.js.DeleteStream(deadline(f), f.config.Name))
}

func (f *foreign) create() {
	f.Helper()
	_, err := f.s.js.CreateStream(deadline(f), f.config)
	require.NoError(f, err)
}

func (f *foreign) messages() uint64 {
	f.Helper()
	info, err := f.stream().Info(deadline(f))
	require.NoError(f, err)
	return info.State.Msgs
}

func (f *foreign) quarantined(first, n, dropped int) {
	f.Helper()
	for i := first; i < first+n; i++ {
		f.send(fmt.Sprintf("clients-quarantine.%s.%d", f.config.Name, i), nil, make([]byte, 10_000))
	}
	stream, err := f.s.js.Stream(deadline(f), deadletter.Stream)
	require.NoError(f, err)
	for i := first; i < first+dropped; i++ {
		require.NoError(f, stream.Purge(deadline(f), jetstream.WithPurgeSubject(fmt.Sprintf("clients-quarantine.%s.%d", f.config.Name, i))))
	}
}

// besideEvents creates the streams of other services and of the dead letters.
func (s *service) besideEvents() {
	s.t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	streams := upstream.New(s.nc)
	require.NoError(s.t, streams.Ensure(deadline(s.t), 1, 0, quiet))
	letters := deadletter.New(s.nc)
	require.NoError(s.t, letters.Ensure(deadline(s.t), 1, quiet))
}
