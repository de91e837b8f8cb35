package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
)

// How long a server may take to store what it was sent, and to say at the end that it has all; how large a piece is.
const (
	pieceLimit = time.Minute
	endLimit   = time.Hour
	pieceSize  = 64 << 10
)

// errNotBegun tells that JetStream does not begin to make a stream.
var errNotBegun = errors.New("it is refused")

// send has JetStream make a stream of the messages in data. Its error is errNotBegun where nothing was begun.
func (r *restoration) send(ctx context.Context, meta streamMeta, data io.Reader) (api.StreamState, error) {
	request, err := json.Marshal(meta) // it is just what JetStream asks for
	if err != nil {
		return api.StreamState{}, err
	}
	var to api.JSApiStreamRestoreResponse
	if err := r.ask(ctx, fmt.Sprintf(api.JSApiStreamRestoreT, meta.Config.Name), request, apiLimit, &to); err != nil {
		return api.StreamState{}, err
	}
	if to.IsError() {
		return api.StreamState{}, fmt.Errorf("%w: %w", errNotBegun, to.ToError())
	}
	for piece := make([]byte, pieceSize); ; {
		n, err := data.Read(piece)
		if n > 0 {
			var stored api.JSApiResponse
			if err := r.ask(ctx, to.DeliverSubject, piece[:n], pieceLimit, &stored); err != nil {
				return api.StreamState{}, err
			}
			if stored.IsError() {
				return api.StreamState{}, fmt.Errorf("it cannot be stored: %w", stored.ToError())
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
	if err := r.ask(ctx, to.DeliverSubject, nil, endLimit, &made); err != nil {
		return api.StreamState{}, err
	}
	if made.IsError() || made.StreamInfo == nil {
		return api.StreamState{}, fmt.Errorf("it cannot be made: %w", made.ToError())
	}
	return made.State, nil
}

// ask asks again where nobody has heard it: servers of a cluster learn a moment later where a piece goes.
func (r *restoration) ask(ctx context.Context, subject string, request []byte, limit time.Duration, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	unheard := time.Now().Add(unheardLimit)
	for {
		reply, err := r.nc.RequestWithContext(ctx, subject, request)
		switch {
		case err == nil && len(reply.Data) == 0:
			return nil
		case err == nil:
			return json.Unmarshal(reply.Data, answer)
		case !errors.Is(err, nats.ErrNoResponders) || time.Now().After(unheard):
			return err
		}
		select {
		case <-time.After(safePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unheardLimit is how long a question is repeated that nobody hears. A server waits 5 s for the next piece.
const unheardLimit = 3 * time.Second
