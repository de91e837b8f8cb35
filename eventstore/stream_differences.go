package eventstore

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ConfigError tells that a stream exists with another configuration than the service needs.
type ConfigError struct {
	Stream      string
	Differences []string // "setting: have X, need Y"
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("stream %s is configured differently and is left as it is: %s", e.Stream, strings.Join(e.Differences, "; "))
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
