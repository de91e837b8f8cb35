package eventstore

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// What other teams and operators may do to the streams that are not the service's own must never keep it from starting.
func TestInspectAcceptsWhatBecomesOfOtherStreams(t *testing.T) {
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
	killed := serve(t, stopped, func(s *Store) {
		require.NoError(t, s.EnsureSources(deadline(t), 0))
		t.Run("alive", func(t *testing.T) {
			for name, act := range acts {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					act(t, newForeign(t, s, strings.NewReplacer(" ", "_", ",", "").Replace(name)))
				})
			}
		})
		fill(t, s, 3)
	})
	for how, dir := range map[string]string{"stopped": stopped, "killed": killed} {
		last, err := inspect(filepath.Join(dir, storeName), true)
		require.NoError(t, err, how)
		require.Equal(t, uint64(3), last)
		requireFilesSound(t, dir)
		again := serve(t, dir, func(s *Store) {
			_, err := s.Append(deadline(t), created(4), 0)
			require.NoError(t, err)
		})
		require.NoError(t, inspectData(dir, 4), how+", and one more start")
		require.NoError(t, inspectData(again, 4), how+", and killed once more")
	}
}

// A configuration and its checksum are written one after the other. The server passes over a stream that was killed in
// between, and the service makes it again, over its messages.
func TestInspectAcceptsAnotherStreamWhoseConfigurationWasBeingAltered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir, func(s *Store) {
		require.NoError(t, s.EnsureSources(deadline(t), 0))
		for range 5 {
			_, err := s.js.Publish(deadline(t), "projects.a.1", []byte("{}"))
			require.NoError(t, err)
		}
	})
	edit(t, filepath.Join(streamDir(dir, Projects.Stream), "meta.sum"), func([]byte) []byte { return []byte("0123456789abcdef") })
	serve(t, dir, func(s *Store) {
		require.NoError(t, s.EnsureSources(deadline(t), 0))
		state, err := s.SourceState(deadline(t), Projects)
		require.NoError(t, err)
		require.Equal(t, uint64(5), state.Last)
	})
	require.NoError(t, inspectData(dir, 0))
	edit(t, filepath.Join(streamDir(dir, QuarantineStream), "meta.sum"), func([]byte) []byte { return []byte("0123456789abcdef") })
	var damage *DamagedError
	require.ErrorAs(t, inspectData(dir, 0), &damage)
}

// foreign is a stream of another service.
type foreign struct {
	*testing.T
	s       *Store
	config  jetstream.StreamConfig
	subject string // of its messages, and more tokens
}

// newForeign makes a stream whose blocks are small.
func newForeign(t *testing.T, s *Store, name string) *foreign {
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

// large fills more than one block.
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

// erase deletes messages, and overwrites what they were.
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
	q, err := NewQuarantine(f.s.nc)
	require.NoError(f, err)
	for i := range n {
		_, err := q.Put(deadline(f), SourceMessage{Stream: "PROJECTS", Sequence: uint64(first + i), Data: make([]byte, 10_000)}, "unreadable", "it is no JSON")
		require.NoError(f, err)
	}
	for found, err := range q.All(deadline(f)) {
		require.NoError(f, err)
		if n := int(found.Message.Sequence); n >= first && n < first+dropped {
			require.NoError(f, q.Drop(deadline(f), found.Number))
		}
	}
}
