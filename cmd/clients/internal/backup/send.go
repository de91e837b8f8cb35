package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"clients/cmd/clients/internal/terminal"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
)

// Limits of a restore request.
const (
	apiTimeout   = time.Minute      // for one response: a disk may have to sync many messages first
	apiAttempt   = 10 * time.Second // before what can be repeated is: in an election a request may get no response
	nameTimeout  = 2 * time.Minute  // for the name of a stream, which NATS reserves for about a minute if a restore does not go on
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
func (r *restore) send(ctx context.Context, meta streamMeta, data io.Reader) (state api.StreamState, created time.Time, err error) {
	request, err := json.Marshal(meta)
	if err != nil {
		return state, created, err
	}
	var to api.JSApiStreamRestoreResponse // has the subject for the data
	err = r.request(ctx, fmt.Sprintf(api.JSApiStreamRestoreT, meta.Config.Name), request, apiAttempt, nameTimeout, &to)
	if errors.As(err, new(api.ApiError)) {
		err = fmt.Errorf("%w: %w", errNotBegun, err)
	}
	if jsm.IsNatsError(err, nameInUse) {
		err = terminal.WithHint(err, "another restore runs, or NATS still reserves the name for one that was killed: wait a minute, and run it again")
	}
	if err != nil {
		return state, created, err
	}
	for chunk := make([]byte, chunkSize); ; {
		n, err := data.Read(chunk)
		if n > 0 {
			if err := r.request(ctx, to.DeliverSubject, chunk[:n], apiTimeout, apiTimeout, nil); err != nil {
				return state, created, fmt.Errorf("store messages: %w", err)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return state, created, err
		}
	}
	var made api.JSApiStreamCreateResponse
	err = r.request(ctx, to.DeliverSubject, nil, endTimeout, endTimeout, &made)
	if err == nil && made.StreamInfo == nil {
		err = errors.New("empty response")
	}
	if err != nil {
		return state, created, fmt.Errorf("create stream: %w", err)
	}
	return made.State, made.Created, nil
}

// request decodes the response to a request, unless it is nil or empty. It repeats a request without responders, because servers of
// a cluster learn a moment later where a chunk goes, one for which too few servers are there yet, and one without a response within
// attempt. A restore that such a request has begun all the same keeps its name until the server gives it up.
func (r *restore) request(ctx context.Context, subject string, request []byte, attempt, timeout time.Duration, response any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	unanswered := false
	for begun := time.Now(); ; {
		limited, cancel := context.WithTimeout(ctx, attempt)
		reply, err := r.nc.RequestWithContext(limited, subject, request)
		cancel()
		if err == nil && len(reply.Data) > 0 {
			err = decode(reply.Data, response)
		}
		unanswered = unanswered || errors.Is(err, context.DeadlineExceeded)
		repeat := errors.Is(err, nats.ErrNoResponders) && time.Since(begun) < retryTimeout ||
			jsm.IsNatsError(err, noPeers) && time.Since(begun) < peersTimeout ||
			unanswered && (jsm.IsNatsError(err, nameInUse) || errors.Is(err, context.DeadlineExceeded)) && ctx.Err() == nil
		if !repeat {
			return err
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}

// decode decodes a response, or returns the error in it.
func decode(data []byte, response any) error {
	var refused api.JSApiResponse
	if err := json.Unmarshal(data, &refused); err != nil || refused.IsError() {
		return errors.Join(err, refused.ToError())
	}
	if response == nil {
		return nil
	}
	return json.Unmarshal(data, response)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
