package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"clients/cmd/clients/internal/terminal"

	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
)

// Limits of a restore request.
const (
	apiTimeout   = time.Minute      // for one response: a disk may have to sync many messages first
	endTimeout   = time.Hour        // for the response at the end, when the stream is complete
	retryTimeout = 3 * time.Second  // without responders; a server waits 5 s for the next chunk
	peersTimeout = 30 * time.Second // for servers that start, or that the cluster's leader has not heard of for a moment
	retryPause   = 100 * time.Millisecond
	chunkSize    = 64 << 10
)

// Error codes of JetStream.
const (
	nameInUse = 10130 // the stream exists, or another restore has begun it
	noPeers   = 10005 // too few servers are online for the replicas of the stream
)

// errNotBegun reports that JetStream refuses to create a stream.
var errNotBegun = errors.New("restore refused")

// send creates a stream of the messages in data. The error is errNotBegun if nothing was created.
func (r *restore) send(ctx context.Context, meta streamMeta, data io.Reader) (api.StreamState, error) {
	request, err := json.Marshal(meta)
	if err != nil {
		return api.StreamState{}, err
	}
	to, err := r.begin(ctx, meta.Config.Name, request)
	if err != nil {
		return api.StreamState{}, err
	}
	if to.IsError() {
		err := fmt.Errorf("%w: %w", errNotBegun, to.ToError())
		if to.Error.ErrCode == nameInUse {
			err = terminal.WithHint(err, "wait a minute for NATS to release the name of a killed restore, run it again, and delete the streams that it then lists")
		}
		return api.StreamState{}, err
	}
	for chunk := make([]byte, chunkSize); ; {
		n, err := data.Read(chunk)
		if n > 0 {
			var stored api.JSApiResponse
			if err := r.request(ctx, to.DeliverSubject, chunk[:n], apiTimeout, &stored); err != nil {
				return api.StreamState{}, err
			}
			if stored.IsError() {
				return api.StreamState{}, fmt.Errorf("store messages: %w", stored.ToError())
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return api.StreamState{}, err
		}
	}
	var made api.JSApiStreamCreateResponse
	if err := r.request(ctx, to.DeliverSubject, nil, endTimeout, &made); err != nil {
		return api.StreamState{}, err
	}
	if made.IsError() || made.StreamInfo == nil {
		return api.StreamState{}, fmt.Errorf("create stream: %w", made.ToError())
	}
	return made.State, nil
}

// begin requests the restore of a stream. The response has the subject for the data.
func (r *restore) begin(ctx context.Context, name string, request []byte) (api.JSApiStreamRestoreResponse, error) {
	for started := time.Now(); ; {
		var to api.JSApiStreamRestoreResponse
		err := r.request(ctx, fmt.Sprintf(api.JSApiStreamRestoreT, name), request, apiTimeout, &to)
		if err != nil || !to.IsError() || to.Error.ErrCode != noPeers || time.Since(started) > peersTimeout {
			return to, err
		}
		if err := pause(ctx, retryPause); err != nil {
			return to, err
		}
	}
}

// request repeats a request without responders: servers of a cluster learn a moment later where a chunk goes.
func (r *restore) request(ctx context.Context, subject string, request []byte, timeout time.Duration, response any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for begun := time.Now(); ; {
		reply, err := r.nc.RequestWithContext(ctx, subject, request)
		switch {
		case err == nil && len(reply.Data) == 0:
			return nil
		case err == nil:
			return json.Unmarshal(reply.Data, response)
		case !errors.Is(err, nats.ErrNoResponders) || time.Since(begun) > retryTimeout:
			return err
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
