package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// tap is another program's connection to the service's NATS server.
type tap struct {
	t  *testing.T
	nc *nats.Conn
	js jetstream.JetStream
}

func newTap(t *testing.T, url string) *tap {
	t.Helper()
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return &tap{t, nc, js}
}

// adminURL is where the service's NATS servers are, with the administrator's login to the embedded one.
func (s *service) adminURL() string {
	if s.embedded == nil {
		return s.natsURL()
	}
	return adminURL(s.natsURL(), s.settings.DataDir)
}

// adminURL is the URL of the embedded server of dataDir with the administrator's login.
func adminURL(url, dataDir string) string {
	password, err := os.ReadFile(filepath.Join(dataDir, "admin-password"))
	if err != nil {
		return url // of other servers
	}
	return strings.Replace(url, "://", "://admin:"+string(password)+"@", 1)
}

// tap connects to the service as its administrator does.
func (a *app) tap() *tap {
	a.t.Helper()
	return newTap(a.t, a.adminURL())
}

// lastSequence is where the stream ends: a request that moves it has stored something.
func (p *tap) lastSequence() uint64 {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := p.js.Stream(ctx, "CLIENTS")
	require.NoError(p.t, err)
	return stream.CachedInfo().State.LastSeq
}

// message is a stored message.
type message struct {
	subject  string
	header   nats.Header
	data     string
	sequence uint64
	at       time.Time
}

// messages reads what the stream holds on clients.>, from its beginning to its present end.
func (p *tap) messages() []message {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := p.js.Stream(ctx, "CLIENTS")
	require.NoError(p.t, err)
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("clients.>"))
	require.NoError(p.t, err)
	held := 0
	for _, count := range info.State.Subjects {
		held += int(count)
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"clients.>"}})
	require.NoError(p.t, err)
	var all []message
	for len(all) < held {
		m, err := consumer.Next(jetstream.FetchMaxWait(patience))
		if errors.Is(err, nats.ErrNoResponders) && ctx.Err() == nil {
			continue // in a cluster a consumer is there a moment after it was created
		}
		require.NoError(p.t, err)
		meta, err := m.Metadata()
		require.NoError(p.t, err)
		all = append(all, message{m.Subject(), m.Headers(), string(m.Data()), meta.Sequence.Stream, meta.Timestamp})
	}
	return all
}

// publish stores a message in the stream by hand.
func (p *tap) publish(subject string, header nats.Header, data string) uint64 {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ack, err := p.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: header, Data: []byte(data)})
	require.NoError(p.t, err)
	return ack.Sequence
}

// envelope makes the headers of an event as the contract describes them, with the checksum that belongs there.
func envelope(subject, kind string, client int64, version int, data string) nats.Header {
	header := nats.Header{
		"ce-specversion":   {"1.0"},
		"ce-id":            {uuid.Must(uuid.NewV7()).String()},
		"ce-type":          {kind},
		"ce-source":        {"/clients"},
		"ce-subject":       {strconv.FormatInt(client, 10)},
		"ce-time":          {time.Now().UTC().Format(time.RFC3339Nano)},
		"ce-clientversion": {strconv.Itoa(version)},
		"content-type":     {"application/json"},
	}
	header.Set("Nats-Msg-Id", header.Get("ce-id"))
	header.Set("ce-checksum", checksumOf(subject, header, data))
	return header
}

// checksumOf is what ce-checksum has to be.
func checksumOf(subject string, header nats.Header, data string) string {
	var covered []byte
	for _, part := range []string{
		subject, header.Get("ce-id"), header.Get("ce-type"), header.Get("ce-clientversion"), header.Get("ce-time"), data,
	} {
		covered = append(append(covered, part...), 0)
	}
	return fmt.Sprintf("%016x", crc64(covered))
}

// crc64 is the ECMA polynomial in the reflected form of XZ and of Go's hash/crc64, bit by bit: the tests must not
// share the service's arithmetic.
func crc64(data []byte) uint64 {
	const ecma = 0x42F0E1EBA9EA3693
	reflected := bits.Reverse64(ecma)
	sum := ^uint64(0)
	for _, b := range data {
		sum ^= uint64(b)
		for range 8 {
			sum = sum>>1 ^ reflected*(sum&1)
		}
	}
	return ^sum
}

// fields are the members of a JSON object.
func fields(t *testing.T, data string) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(data), &object), data)
	return object
}

// unescaped reads a header that may carry any text.
func unescaped(t *testing.T, value string) string {
	t.Helper()
	plain, err := url.PathUnescape(value)
	require.NoError(t, err)
	return plain
}
