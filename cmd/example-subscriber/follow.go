package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The stream holds internal subjects beside these.
const (
	streamName = "CLIENTS"
	subjects   = "clients.>"
)

// follow keeps the copy up to date, and saves it whenever nothing more is waiting, or a batch has come together. It
// returns nil when ctx ends, and, asked to do so once, when the copy is as new as the stream was at the beginning.
func follow(ctx context.Context, nc *nats.Conn, own *clientsCopy, once bool, out io.Writer) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	end, err := resume(ctx, js, own)
	if err != nil || once && own.Sequence >= end {
		return err
	}
	consumer, err := js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subjects}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: own.Sequence + 1,
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

// resume makes sure that the copy is one of this stream, and answers the sequence of the last event that is in it now.
func resume(ctx context.Context, js jetstream.JetStream, own *clientsCopy) (end uint64, err error) {
	stream, err := js.Stream(ctx, streamName)
	if err != nil {
		return 0, fmt.Errorf("find %s: %w", streamName, err)
	}
	info := stream.CachedInfo()
	if own.Created.IsZero() {
		own.Created = info.Created
	}
	if !own.Created.Equal(info.Created) || info.State.LastSeq < own.Sequence {
		return 0, fmt.Errorf("%s is a copy of another stream: delete it to start from zero", own.path)
	}
	last, err := stream.GetLastMsgForSubject(ctx, subjects)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find the end of %s: %w", streamName, err)
	}
	return last.Sequence, nil
}

// take takes a message into the copy.
func take(own *clientsCopy, msg jetstream.Msg, at *jetstream.MsgMetadata, out io.Writer) error {
	if at.Sequence.Stream <= own.Sequence {
		return nil // a repeat
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
	return nil
}
