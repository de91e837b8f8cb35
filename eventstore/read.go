package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// LastSequence asks the stream's leader for the sequence of its last message. What was acknowledged before the call
// is at or below it.
func (s *Store) LastSequence(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var info struct {
		State struct {
			Last uint64 `json:"last_seq"`
		} `json:"state"`
	}
	if err := s.ask(ctx, "STREAM.INFO."+Stream, nil, &info); err != nil {
		return 0, fmt.Errorf("last sequence: %w", err)
	}
	return info.State.Last, nil
}

// next answers the message at sequence, or, for a subject that is not "", the first one of it from there on. It asks the
// leader: a replica might not know of it yet. When there is none the error is jetstream.ErrMsgNotFound.
func (s *Store) next(ctx context.Context, subject string, sequence uint64) (Record, error) {
	question := map[string]any{"seq": sequence}
	if subject != "" {
		question["next_by_subj"] = subject
	}
	var answer struct {
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	if err := s.ask(ctx, "STREAM.MSG.GET."+Stream, question, &answer); err != nil {
		return Record{}, fmt.Errorf("message %d: %w", sequence, err)
	}
	m := answer.Message
	var header nats.Header
	if len(m.Header) > 0 {
		var err error
		if header, err = nats.DecodeHeadersMsg(m.Header); err != nil {
			return Record{}, &CorruptError{Sequence: m.Sequence, Reason: "its headers cannot be read"}
		}
	}
	return decode(m.Sequence, m.Time, m.Subject, header, m.Data)
}

// ask puts a question to the JetStream API, whose answer comes from the stream's leader.
func (s *Store) ask(ctx context.Context, call string, question, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body []byte
	if question != nil {
		var err error
		if body, err = json.Marshal(question); err != nil {
			return err
		}
	}
	reply, err := s.nc.RequestWithContext(ctx, "$JS.API."+call, body)
	if err != nil {
		return err
	}
	var refusal struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := errors.Join(json.Unmarshal(reply.Data, &refusal), json.Unmarshal(reply.Data, answer)); err != nil {
		return err
	}
	if refusal.Error != nil {
		return refusal.Error
	}
	return nil
}
