package projections

import (
	"context"
	"errors"
	"time"

	"clients/domain"
)

// reading is how far the streams of one name have been read, each of its rounds by itself, one after the other.
type reading struct {
	incarnations map[int64]*incarnation // by the creation of the stream
	latest       int
	recorder     string        // of the last fact that said something new
	changed      chan struct{} // closed when there is more, or more is to be awaited in vain
}

// incarnation is one stream of that name, in one round.
type incarnation struct {
	number   int
	round    int // of domain.Position
	sequence uint64
	storedAt time.Time // of the message there; zero when there was none
}

func newReading() *reading {
	return &reading{incarnations: make(map[int64]*incarnation), changed: make(chan struct{})}
}

// advance moves on to where a fact was learned. It answers false where that has been passed.
func (r *reading) advance(f *domain.ReferenceEvent) (now moment, fresh bool) {
	if f.Late {
		return r.moment(f.Source), true
	}
	i := r.incarnations[f.Source.Created.UnixNano()]
	switch rewound := f.Operation == domain.Rewound; {
	case i == nil && f.Previous > 0, i != nil && f.Previous > i.sequence:
		return moment{}, false // of a replica that had read what is not on record here
	case i == nil && !rewound, i != nil && rewound && f.Source.Generation == i.round+1:
		r.latest++
		i = &incarnation{number: r.latest, round: f.Source.Generation}
		r.incarnations[f.Source.Created.UnixNano()] = i
	case i == nil, rewound, f.Source.Generation != i.round, f.Source.Sequence <= i.sequence:
		return moment{}, false // of a replica that knew no better
	}
	i.sequence, i.storedAt, r.recorder = f.Source.Sequence, f.StoredAt, f.Replica
	close(r.changed)
	r.changed = make(chan struct{})
	return moment{i.number, i.sequence}, true
}

// moment answers where a message has its place: before everything that is known, when its stream is not.
func (r *reading) moment(p domain.Position) moment {
	if i := r.incarnations[p.Created.UnixNano()]; i != nil {
		return moment{i.number, p.Sequence}
	}
	return moment{1, 0}
}

// since returns how many messages have been read, at least, since a moment.
func (r *reading) since(m moment) (messages uint64) {
	for _, i := range r.incarnations {
		switch {
		case i.number > m.incarnation:
			messages += i.sequence
		case i.number == m.incarnation && i.sequence > m.sequence:
			messages += i.sequence - m.sequence
		}
	}
	return messages
}

// endReadings wakes those who wait for more of what cannot be followed any more.
func (d *Directory) endReadings() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.references.streams {
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// Reached is how far another service's stream is on record.
type Reached struct {
	Sequence uint64
	StoredAt time.Time // of the message at Sequence; zero when it was gone
	Recorder string    // who recorded that
	Round    int       // of domain.Position
}

// Reached answers how far the stream of that name and creation is on record. Until more is, changed stays open.
func (d *Directory) Reached(stream string, created time.Time) (_ Reached, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.references.streams[stream]
	if r == nil {
		r = newReading()
		d.references.streams[stream] = r
	}
	i := r.incarnations[created.UnixNano()]
	if i == nil {
		return Reached{Recorder: r.recorder}, r.changed
	}
	return Reached{Sequence: i.sequence, StoredAt: i.storedAt, Recorder: r.recorder, Round: i.round}, r.changed
}

// ErrOtherRound tells that a stream was put back to an earlier state of itself, and is read from its beginning again.
var ErrOtherRound = errors.New("the stream is being read in another round")

// AwaitReached returns as soon as a stream is on record up to a position, in the round of that. It answers ErrOtherRound
// when another round has begun.
func (d *Directory) AwaitReached(ctx context.Context, p domain.Position) error {
	for {
		reached, changed := d.Reached(p.Stream, p.Created)
		if reached.Round != p.Generation {
			return ErrOtherRound
		}
		if reached.Sequence >= p.Sequence {
			return nil
		}
		if err := d.Err(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
