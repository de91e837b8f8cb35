package upstream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// fill reads from the stream's leader up to a sequence.
func (r *Reader) fill(ctx context.Context, upTo uint64) error {
	for r.record.Sequence < upTo {
		if _, err := r.readByRequest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readByRequest reads some messages without a consumer, from the stream's leader, and returns true if there were any. If
// nothing is left behind the record, that is handed out.
func (r *Reader) readByRequest(ctx context.Context) (found bool, err error) {
	end := r.state // what is stored from now on may be missed
	run, err := r.request(ctx)
	if err == nil && len(run) == 0 { // a server that was replaced as the leader may lack messages
		if err = r.refresh(ctx); err == nil {
			run, err = r.request(ctx)
		}
	}
	if err == nil {
		err = r.refresh(ctx) // the messages are of this stream
	}
	switch {
	case err != nil:
		return false, err
	case len(run) > 0:
		return true, r.handle(ctx, run)
	case end.Last > r.record.Sequence:
		return false, r.pass(ctx, end, end.Last)
	}
	return false, errStalled
}

// request requests some messages behind the record.
func (r *Reader) request(ctx context.Context) (run []Message, err error) {
	for last := r.record.Sequence; len(run) < maxRun/4; {
		m, err := r.Client.Message(ctx, r.Stream, last+1)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		run, last = append(run, m), m.Sequence
	}
	return run, nil
}
