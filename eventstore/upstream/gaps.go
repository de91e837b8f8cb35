package upstream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// delivered hands out a run as the consumer has delivered it. Where messages may be missing in between, it reads up to the
// end of the run from the stream's leader instead.
func (r *Reader) delivered(ctx context.Context, arrivals []Message) error {
	end := arrivals[len(arrivals)-1].Sequence
	run, complete := r.complete(arrivals)
	for !complete && r.record.Sequence < end {
		if _, err := r.readByRequest(ctx); err != nil {
			return err
		}
	}
	if !complete || len(run) == 0 {
		return nil
	}
	return r.handle(ctx, run)
}

// complete returns the messages behind the record, and whether their sequences are consecutive. Otherwise there may be others
// between them: a consumer of a replicated stream may not know of a message that was acknowledged, and a client library may drop
// a message that looks like a status of the server.
func (r *Reader) complete(arrivals []Message) (run []Message, complete bool) {
	last := r.record.Sequence
	complete = true
	for _, m := range arrivals {
		if m.Sequence > last {
			complete = complete && m.Sequence == last+1
			run, last = append(run, m), m.Sequence
		}
	}
	return run, complete
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
