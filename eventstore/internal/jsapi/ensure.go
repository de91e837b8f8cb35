package jsapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ConfigError reports that a stream exists with a configuration that a guarantee does not hold for.
type ConfigError struct {
	Stream      string
	Differences []string // "setting: have X, need Y"
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("stream %s is configured differently and is left as it is: %s", e.Stream, strings.Join(e.Differences, "; "))
}

// EnsureStream creates a stream, or returns the information of the existing one. An existing stream is never altered: if
// it differs the error is a *ConfigError.
func (c *Client) EnsureStream(ctx context.Context, want jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	stream, err := c.JetStream.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = c.JetStream.CreateStream(ctx, want)
	}
	if api := apiError(err); api != nil && api.ErrorCode == codeNoCluster {
		err = fmt.Errorf("%w: %d replicas were asked for", ErrNoCluster, want.Replicas)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", want.Name, err)
	}
	info := stream.CachedInfo()
	if d := differences(info.Config, want); len(d) > 0 {
		return nil, &ConfigError{Stream: want.Name, Differences: d}
	}
	return info, nil
}

// differences lists where have would break a guarantee that want keeps.
func differences(have, want jetstream.StreamConfig) []string {
	var found []string
	compare := func(setting string, have, want any) {
		if h, w := fmt.Sprint(have), fmt.Sprint(want); h != w {
			found = append(found, fmt.Sprintf("%s: have %s, need %s", setting, h, w))
		}
	}
	unlimited := func(n int64) int64 { return max(n, 0) } // 0 asks for no limit, which the server reports as -1
	compare("subjects", have.Subjects, want.Subjects)
	compare("storage", have.Storage, want.Storage)
	compare("replicas", have.Replicas, want.Replicas)
	compare("retention", have.Retention, want.Retention)
	compare("discard", have.Discard, want.Discard)
	compare("max age", have.MaxAge, want.MaxAge)
	compare("max messages", unlimited(have.MaxMsgs), unlimited(want.MaxMsgs))
	compare("max bytes", unlimited(have.MaxBytes), unlimited(want.MaxBytes))
	compare("max messages per subject", unlimited(have.MaxMsgsPerSubject), unlimited(want.MaxMsgsPerSubject))
	compare("deny delete", have.DenyDelete, want.DenyDelete)
	compare("allow direct", have.AllowDirect, want.AllowDirect)
	compare("allow atomic publish", have.AllowAtomicPublish, want.AllowAtomicPublish)
	compare("allow message counter", have.AllowMsgCounter, want.AllowMsgCounter)
	if want.Duplicates > 0 {
		compare("duplicate window", have.Duplicates, want.Duplicates)
	}
	compare("max message size", unlimited(int64(have.MaxMsgSize)), unlimited(int64(want.MaxMsgSize)))
	compare("compression", have.Compression, want.Compression)
	compare("mirror", have.Mirror != nil, want.Mirror != nil)
	compare("sources", len(have.Sources), len(want.Sources))
	compare("subject transform", have.SubjectTransform != nil, want.SubjectTransform != nil)
	compare("sealed", have.Sealed, want.Sealed)
	compare("no ack", have.NoAck, want.NoAck)
	compare("allow rollup", have.AllowRollup, want.AllowRollup)
	compare("allow message TTL", have.AllowMsgTTL, want.AllowMsgTTL)
	compare("allow message schedules", have.AllowMsgSchedules, want.AllowMsgSchedules)
	compare("subject delete marker TTL", have.SubjectDeleteMarkerTTL, want.SubjectDeleteMarkerTTL)
	compare("discard new per subject", have.DiscardNewPerSubject, want.DiscardNewPerSubject)
	compare("persist mode", have.PersistMode, want.PersistMode)
	compare("max consumers", unlimited(int64(have.MaxConsumers)), unlimited(int64(want.MaxConsumers)))
	compare("consumer limits", have.ConsumerLimits, want.ConsumerLimits)
	return found
}
