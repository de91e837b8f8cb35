package references

import (
	"cmp"
	"time"

	"clients/domain"
	"clients/eventstore/upstream"
)

// Progress is how far the streams of one name were read. A stream that is deleted and created again, and one that was
// restored to an earlier state, begins a new generation; events of an earlier one no longer change anything.
type Progress struct {
	Generations map[int64]Generation // by the creation of the stream, in nanoseconds since 1970
	Latest      int                  // the highest number of a generation
	Replica     string               // of the last event that was not a repeat
	changed     chan struct{}        // closed when there is more, or no more can come
}

// Generation is one stream of a name, since its creation or since it was restored.
type Generation struct {
	Number   int
	Restores int // how often the stream was restored: domain.Position.Generation
	Sequence uint64
	StoredAt time.Time // of the message at Sequence; zero if there was none
}

// Point orders events of one source, also across generations.
type Point struct {
	Generation int // 1 is the first
	Sequence   uint64
}

func (p Point) compare(other Point) int {
	return cmp.Or(cmp.Compare(p.Generation, other.Generation), cmp.Compare(p.Sequence, other.Sequence))
}

func (p Point) after(other Point) bool { return p.compare(other) > 0 }

// progress returns the progress of a stream. It stays the same for good.
func (x *Index) progress(stream string) *Progress {
	p := x.streams[stream]
	if p == nil {
		p = &Progress{Generations: make(map[int64]Generation), changed: make(chan struct{})}
		x.streams[stream] = p
	}
	return p
}

// advance moves on to the source of an event. It returns false if that was passed already, or does not continue what was
// read.
func (p *Progress) advance(f *domain.ReferenceEvent) (now Point, ok bool) {
	if f.Late {
		return p.point(f.Source), true
	}
	created := f.Source.Created.UnixNano()
	g, known := p.Generations[created]
	switch rewound := f.Operation == domain.Rewound; {
	case f.Previous > g.Sequence:
		return Point{}, false // of a replica that had read more than is on record here
	case !known && !rewound, known && rewound && f.Source.Generation == g.Restores+1:
		p.Latest++
		g = Generation{Number: p.Latest, Restores: f.Source.Generation}
	case !known, rewound, f.Source.Generation != g.Restores, f.Source.Sequence <= g.Sequence:
		return Point{}, false // of a replica that was behind
	}
	g.Sequence, g.StoredAt = f.Source.Sequence, f.StoredAt
	p.Generations[created], p.Replica = g, f.Replica
	p.notify()
	return Point{g.Number, g.Sequence}, true
}

// notify wakes those who wait for more.
func (p *Progress) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// point returns the place of a message: before everything that is known if its generation is not.
func (p *Progress) point(source domain.Position) Point {
	if g, known := p.Generations[source.Created.UnixNano()]; known {
		return Point{g.Number, source.Sequence}
	}
	return Point{1, 0}
}

// since returns how many messages were read, at least, since a point.
func (p *Progress) since(at Point) (messages uint64) {
	for _, g := range p.Generations {
		switch {
		case g.Number > at.Generation:
			messages += g.Sequence
		case g.Number == at.Generation && g.Sequence > at.Sequence:
			messages += g.Sequence - at.Sequence
		}
	}
	return messages
}

// Reached is how far the stream of a source was recorded.
type Reached struct {
	upstream.Recorded
	Replica string // the replica that recorded it
}

// Reached returns how far the stream of that name and creation was recorded. changed is closed when that changes, and by
// Wake.
func (x *Index) Reached(stream string, created time.Time) (_ Reached, changed <-chan struct{}) {
	p := x.progress(stream)
	g := p.Generations[created.UnixNano()]
	return Reached{upstream.Recorded{Sequence: g.Sequence, StoredAt: g.StoredAt, Generation: g.Restores}, p.Replica}, p.changed
}

// Wake wakes those who wait for a stream, as nothing is folded any more.
func (x *Index) Wake() {
	for _, p := range x.streams {
		p.notify()
	}
}
