package eventstore

import (
	"encoding/binary"
	"iter"
	"math"
)

// step is one of the way through a block: a sound record, or what is wrong where one should be.
type step struct {
	at     int
	record record
	fault  *DamagedError
	torn   bool // the fault is no more than an end that is missing
}

// steps goes through a block whose stream had come to a sequence. Behind a fault it goes on with the next record that is
// sound.
func (b *block) steps(last uint64) iter.Seq[step] {
	return func(yield func(step) bool) {
		for at := 0; at < len(b.content); {
			r := record(b.content[at:])
			reason := b.fault(r)
			if reason == "" {
				r = r[:r.size()]
				if !yield(step{at: at, record: r}) {
					return
				}
				last = max(last, r.sequence())
				at += len(r)
				continue
			}
			damaged := &DamagedError{Stream: b.stream, File: b.file, Offset: int64(at), Reason: reason}
			damaged.subject = r.statedSubject()
			if b.torn(r) {
				damaged.Sequence = b.sequenceAt(at, len(b.content), last)
				yield(step{at: at, fault: damaged, torn: true})
				return
			}
			next := b.resume(at, last)
			damaged.Sequence = b.sequenceAt(at, next, last)
			if !yield(step{at: at, fault: damaged}) {
				return
			}
			last = max(last, damaged.Sequence)
			at = next
		}
	}
}

// resume is where to go on behind a faulty record: behind it when its length looks right, else at the next record that
// is sound, or at the end.
func (b *block) resume(at int, last uint64) int {
	r := record(b.content[at:])
	if r.whole() {
		behind := record(r[r.size():])
		if len(behind) == 0 || behind.likely(last) && (b.sound(behind[:behind.size()]) || behind.sequence() == r.sequence()+1) {
			return at + r.size()
		}
	}
	for at++; at < len(b.content); at++ {
		if r := record(b.content[at:]); r.likely(last) && b.sound(r[:r.size()]) {
			return at
		}
	}
	return at
}

// sequenceAt is the sequence of the faulty record between last and the record at next: the one that it states when that
// lies in between, or the only one that does; 0 where that does not tell.
func (b *block) sequenceAt(at, next int, last uint64) uint64 {
	behind := uint64(0) // no bound
	for step := next; step < len(b.content) && behind <= last; {
		r := record(b.content[step:])
		if b.fault(r) != "" {
			break
		}
		if binary.LittleEndian.Uint64(r[4:])&tombstoneBit == 0 {
			behind = r.sequence()
		}
		step += r.size()
	}
	r := record(b.content[at:])
	if len(r) >= recordHeader && !r.marked() {
		stated := r.sequence()
		if stated == last+1 && behind != stated || stated > last && stated < behind {
			return stated
		}
	}
	if behind == last+2 {
		return last + 1
	}
	return 0
}

// likely tells without a look at its hash whether r can be a record that comes some time after a sequence. What deletes
// a message may come any time after that.
func (r record) likely(last uint64) bool {
	return r.whole() && r.textBegin() <= r.size()-recordHash &&
		(r.marked() || r.sequence() > last) && r.sequence() <= last+math.MaxUint32
}

// statedSubject is the subject of a record that need not be sound, "" where it has no room.
func (r record) statedSubject() string {
	if len(r) < recordHeader || r.subjectEnd() > len(r) {
		return ""
	}
	return string(r[recordHeader:r.subjectEnd()])
}
