package readmodel

import (
	"cmp"
	"slices"
	"time"

	"clients/eventstore"
)

// Setback is a part of the stream whose events were stored by a clock that was behind, as that of a new leader may be. In the
// read model they have the time of the event in front of them.
type Setback struct {
	First, Last uint64 // sequences
	Clock       time.Time
}

// Tick moves the clock on to when an event was stored.
func (m *Model) Tick(r eventstore.Record) {
	if !r.StoredAt.Before(m.Clock) {
		m.Clock = r.StoredAt.UTC() // so that equal models are equal in Go's terms
		return
	}
	if n := len(m.Setbacks); n > 0 && m.Setbacks[n-1].Clock.Equal(m.Clock) {
		m.Setbacks[n-1].Last = r.Sequence
		return
	}
	m.Setbacks = append(m.Setbacks, Setback{First: r.Sequence, Last: r.Sequence, Clock: m.Clock})
}

// Clock returns the time of the last event, as the read model has it.
func (d *Directory) Clock() time.Time {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.Clock
}

// Time returns the time that an event has in the read model, which never runs backwards along the stream. The directory has
// folded the event.
func (d *Directory) Time(r eventstore.Record) time.Time {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.Time(r)
}

// Time returns the time that an event has in the model, which has folded it.
func (m *Model) Time(r eventstore.Record) time.Time {
	at, _ := slices.BinarySearchFunc(m.Setbacks, r.Sequence, func(s Setback, sequence uint64) int { return cmp.Compare(s.Last, sequence) })
	if at < len(m.Setbacks) {
		if s := m.Setbacks[at]; r.Sequence >= s.First && r.StoredAt.Before(s.Clock) {
			return s.Clock
		}
	}
	return r.StoredAt
}
