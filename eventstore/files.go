package eventstore

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats-server/v2/server/avl"
	"github.com/nats-io/nats.go/jetstream"
)

// files are the streams of a server that is not running, read from its blocks. They are never written.
type files struct {
	dir     string // of the streams
	streams map[string]*filedStream
	// damage is of messages of the stream of events, by their sequence.
	damage map[uint64]*DamagedError
	end    string // what tells how far the stream of events had come, where it ends before that

	open  *block // that was read last
	bytes blockBuffer
}

// filedStream is what the files hold of a stream.
type filedStream struct {
	live     avl.SequenceSet // the messages that are not deleted
	last     uint64
	messages []filedMessage // in order, none for streams of other services and the one of events
}

// filedMessage says where a message is.
type filedMessage struct {
	sequence uint64
	subject  string
	block    int
	at, end  int
}

// add takes up what was found of a stream. What the server's index says was deleted may have left no other trace.
func (f *files) add(stream string, c *findings) {
	s := f.stream(stream)
	s.last = c.last
	s.live = *c.stored.Clone()
	dead := func(sequence uint64) bool {
		s.live.Delete(sequence)
		return true
	}
	c.deleted.Range(dead)
	for _, b := range readIndex(c.msgs).blocks {
		b.deleted.Range(dead)
	}
	s.messages = slices.DeleteFunc(s.messages, func(m filedMessage) bool { return !s.live.Exists(m.sequence) })
}

func (f *files) stream(name string) *filedStream {
	s := f.streams[name]
	if s == nil {
		s = &filedStream{}
		f.streams[name] = s
	}
	return s
}

// remember remembers where a message is, of the streams that are looked up.
func (f *files) remember(stream string, b *block, at int, r record) {
	if !slices.Contains([]string{IDStream, QuarantineStream, keysStream, snapshotStreamName}, stream) {
		return
	}
	s := f.stream(stream)
	s.messages = append(s.messages, filedMessage{r.sequence(), string(r[recordHeader:r.subjectEnd()]), b.number, at, at + len(r)})
}

func (f *files) state(_ context.Context, stream, subjects string) (info jsapi.StreamInfo, err error) {
	s := f.streams[stream]
	if s == nil {
		return info, jetstream.ErrStreamNotFound
	}
	info.State.First, info.State.Last = s.last+1, s.last
	if _, _, n := s.live.State(); n > 0 {
		info.State.First, _ = s.live.MinMax()
		info.State.Messages = n
	}
	info.State.Subjects = make(map[string]uint64)
	for _, m := range s.messages {
		if subjectMatches(subjects, m.subject) {
			info.State.Subjects[m.subject]++
		}
	}
	return info, nil
}

func (f *files) patiently(ctx context.Context, call func(context.Context) error) error {
	return call(ctx)
}

func (f *files) message(_ context.Context, stream string, which jsapi.Query) (answer jsapi.Message, err error) {
	s := f.streams[stream]
	if s == nil {
		return answer, jetstream.ErrStreamNotFound
	}
	from, _ := slices.BinarySearchFunc(s.messages, which.Sequence, func(m filedMessage, sequence uint64) int {
		if m.sequence < sequence {
			return -1
		}
		return 1
	})
	if which.LastBySubject != "" {
		for _, m := range slices.Backward(s.messages) {
			if m.subject == which.LastBySubject {
				return f.read(stream, m)
			}
		}
		return answer, jetstream.ErrMsgNotFound
	}
	for _, m := range s.messages[from:] {
		if which.NextBySubject == "" && m.sequence == which.Sequence || subjectMatches(which.NextBySubject, m.subject) {
			return f.read(stream, m)
		}
	}
	return answer, jetstream.ErrMsgNotFound
}

// subjectMatches knows of one wildcard, the one for all that begins alike.
func subjectMatches(pattern, subject string) bool {
	if prefix, wild := strings.CutSuffix(pattern, ">"); wild {
		return strings.HasPrefix(subject, prefix)
	}
	return subject == pattern
}

func (f *files) read(stream string, m filedMessage) (answer jsapi.Message, err error) {
	if f.open == nil || f.open.stream != stream || f.open.number != m.block {
		f.open = nil
		b, err := f.block(stream, m.block, &f.bytes)
		if err != nil {
			return answer, err
		}
		f.open = b
	}
	if m.end > len(f.open.content) {
		return answer, &DamagedError{Stream: stream, Sequence: m.sequence, File: f.open.file, Offset: int64(m.at), Reason: "the file has become shorter"}
	}
	return record(slices.Clone(f.open.content[m.at:m.end])).message(), nil
}

// message is what a sound record holds.
func (r record) message() (m jsapi.Message) {
	text := r[r.textBegin() : len(r)-recordHash]
	headers := 0
	if r.hasHeaders() {
		headers = int(binary.LittleEndian.Uint32(r[r.subjectEnd():]))
	}
	m.Subject = string(r[recordHeader:r.subjectEnd()])
	m.Sequence = r.sequence()
	m.Time = time.Unix(0, int64(binary.LittleEndian.Uint64(r[12:]))).UTC()
	m.RawHeader, m.Data = text[:headers], text[headers:]
	return m
}
