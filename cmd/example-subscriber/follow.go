package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const streamName = "CLIENTS"

// subjects returns the filter of the copy. The stream also has internal subjects.
func (c *clientsCopy) subjects() string {
	if c.Account == "" {
		return "clients.>"
	}
	return "clients." + c.Account + ".>"
}

// errAnotherHistory means that the copy has to start over: the stream was restored to an earlier state or recreated.
var errAnotherHistory = errors.New("the copy belongs to another history")

// follow keeps the copy up to date, and saves it when no further message is waiting or a batch is complete. An empty copy starts
// from the list of an API or, without one, from the first event. It returns nil when ctx ends and, if once is set, when the copy
// has all events that the stream had at the beginning.
func follow(ctx context.Context, nc *nats.Conn, own *clientsCopy, api string, once bool, out io.Writer) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if own.Epoch == "" && api != "" {
		if err := own.takeList(ctx, api); err != nil {
			return err
		}
	}
	end, err := resume(ctx, js, own)
	if err != nil {
		return err
	}
	if once && own.Sequence >= end {
		return own.save()
	}
	// The last message is read again, because only in the same history it has the same id.
	start := cmp.Or(own.Last.Sequence, own.Sequence+1)
	consumer, err := js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{own.subjects()}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: start,
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", streamName, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read %s: %w", streamName, err)
	}
	defer context.AfterFunc(ctx, messages.Stop)()
	defer messages.Stop()
	const batch = 256
	same := own.Last.Sequence == 0
	for unsaved := 1; ; unsaved++ {
		msg, err := messages.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) && ctx.Err() != nil {
			return own.save()
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", streamName, err)
		}
		at, err := msg.Metadata()
		if err != nil {
			return err
		}
		if !same && own.Last != (message{at.Sequence.Stream, msg.Headers().Get("ce-id")}) {
			return fmt.Errorf("%w: sequence %d is another message", errAnotherHistory, own.Last.Sequence)
		}
		same = true
		if err := take(own, msg, at, out); err != nil {
			return errors.Join(err, own.save())
		}
		if at.NumPending == 0 || unsaved >= batch {
			if err := own.save(); err != nil {
				return err
			}
			unsaved = 0
		}
		if once && own.Sequence >= end {
			return own.save()
		}
	}
}

// resume checks that the copy belongs to this stream, and returns the sequence of the stream's last event.
func resume(ctx context.Context, js jetstream.JetStream, own *clientsCopy) (end uint64, err error) {
	stream, err := js.Stream(ctx, streamName)
	if err != nil {
		return 0, fmt.Errorf("find %s: %w", streamName, err)
	}
	info := stream.CachedInfo()
	epoch := cmp.Or(info.Config.Metadata["epoch"], info.Created.UTC().Format(time.RFC3339Nano))
	if own.Epoch == "" && own.Sequence == 0 {
		own.Epoch = epoch
	}
	if own.Epoch != epoch {
		return 0, fmt.Errorf("%w: its epoch is %q and that of the stream %q", errAnotherHistory, own.Epoch, epoch)
	}
	var last message
	switch m, err := stream.GetLastMsgForSubject(ctx, own.subjects()); {
	case err == nil:
		last = message{m.Sequence, m.Header.Get("ce-id")}
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return 0, fmt.Errorf("find the end of %s: %w", streamName, err)
	}
	if info.State.LastSeq < own.Sequence || last.Sequence < own.Last.Sequence {
		return 0, fmt.Errorf("%w: the stream ends before sequence %d", errAnotherHistory, own.Sequence)
	}
	if last.Sequence == own.Last.Sequence && last != own.Last {
		return 0, fmt.Errorf("%w: sequence %d is another message", errAnotherHistory, last.Sequence)
	}
	if own.Last.Sequence == 0 && last.Sequence <= own.Sequence { // of a copy that started from a list
		own.Last = last
	}
	return last.Sequence, nil
}

// take applies a message to the copy and prints a line about it.
func take(own *clientsCopy, msg jetstream.Msg, at *jetstream.MsgMetadata, out io.Writer) error {
	if at.Sequence.Stream <= own.Sequence {
		return nil // a duplicate
	}
	e, err := read(msg, at)
	if err == nil {
		err = own.apply(e)
	}
	switch {
	case errors.Is(err, errStray):
		fmt.Fprintf(out, "%d passed over: %v\n", at.Sequence.Stream, err)
	case err != nil:
		return err
	default:
		fmt.Fprintf(out, "%d %s %s %d\n", e.sequence, e.kind, e.account, e.client)
	}
	own.Sequence = at.Sequence.Stream
	own.Last = message{own.Sequence, msg.Headers().Get("ce-id")}
	return nil
}
