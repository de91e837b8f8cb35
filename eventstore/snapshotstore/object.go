package snapshotstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"strconv"
	"time"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// chunkSize is how large a chunk is at most.
const chunkSize = 128 << 10

// object is an object while it is written, as ObjectStore.Put would write it, but that each message is stored only if the
// one before is the last of the chunks. The first chunk is empty: it ties the others to the stream that it is in.
type object struct {
	ctx    context.Context
	bucket *Bucket
	nuid   string
	last   uint64 // sequence of the last chunk
	chunks uint32
	size   uint64
	digest hash.Hash
}

func (b *Bucket) newObject(ctx context.Context) (*object, error) {
	o := &object{ctx: ctx, bucket: b, nuid: rand.Text(), digest: sha256.New()}
	return o, jsapi.Retry(ctx, b.config.Log, func(context.Context) error { return o.chunk(nil) }) // a new bucket has no leader yet
}

// Write stores the data as chunks.
func (o *object) Write(data []byte) (written int, err error) {
	for written < len(data) {
		chunk := data[written:min(len(data), written+chunkSize)]
		if err := o.chunk(chunk); err != nil {
			return written, err
		}
		written += len(chunk)
	}
	return written, nil
}

func (o *object) chunk(data []byte) (err error) {
	if o.last, err = o.publish(chunkSubject(o.nuid), data); err != nil {
		return err
	}
	o.chunks++
	o.size += uint64(len(data))
	_, _ = o.digest.Write(data) // never fails
	return nil
}

// complete stores the metadata, which makes the chunks an object.
func (o *object) complete(c eventstore.Checkpoint) (s Snapshot, err error) {
	name := fmt.Sprintf("%020d-%d", c.Sequence, time.Now().UnixNano())
	info := jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{
			Name:        name,
			Description: "The directory of clients at a sequence of CLIENTS",
			Metadata:    metadata(c),
			Opts:        &jetstream.ObjectMetaOptions{ChunkSize: chunkSize},
		},
		Bucket: Name, NUID: o.nuid, Size: o.size, ModTime: time.Now().UTC(), Chunks: o.chunks,
		Digest: jetstream.GetObjectDigestValue(o.digest),
	}
	m := jsapi.Message{Subject: metaSubject(base64.URLEncoding.EncodeToString([]byte(name))), Time: info.ModTime}
	if m.Data, err = json.Marshal(info); err == nil {
		m.Sequence, err = o.publish(m.Subject, m.Data)
	}
	return snapshotOf(info, m), err
}

// publishTimeout is how long an acknowledgement is waited for. It never comes if it was lost with a connection or a leader.
const publishTimeout = 5 * time.Second

func (o *object) publish(subject string, data []byte) (sequence uint64, err error) {
	ctx, cancel := context.WithTimeout(o.ctx, publishTimeout)
	defer cancel()
	ack, err := o.bucket.api.PublishOnce(ctx, &nats.Msg{Subject: subject, Data: data, Header: nats.Header{
		jetstream.ExpectedStreamHeader:          {Stream},
		jetstream.ExpectedLastSubjSeqHeader:     {strconv.FormatUint(o.last, 10)},
		jetstream.ExpectedLastSubjSeqSubjHeader: {chunkSubject(o.nuid)},
	}})
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}
