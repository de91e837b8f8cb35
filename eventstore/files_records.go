package eventstore

import (
	"context"
	"iter"
	"maps"
	"path/filepath"
	"slices"
)

// records reads the stream of events from its blocks.
func (f *files) records(ctx context.Context, first, last uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r := &filesReader{files: f, reached: first - 1, last: last, yield: yield}
		for _, sequence := range slices.Sorted(maps.Keys(f.damage)) {
			r.damaged = append(r.damaged, f.damage[sequence])
		}
		numbers, err := blockNumbers(f.messagesDir(Stream))
		if err != nil {
			yield(Record{}, err)
			return
		}
		var bytes blockBuffer
		for _, number := range numbers {
			if err := ctx.Err(); err != nil {
				yield(Record{}, err)
				return
			}
			b, err := f.block(Stream, number, &bytes)
			if err == nil && !r.block(b) { // what cannot be read was told when the files were looked through
				return
			}
		}
		reason := ""
		if last > f.stream(Stream).last {
			reason = f.end
		}
		r.skip(last+1, reason)
	}
}

// filesReader is one reading of the stream of events.
type filesReader struct {
	files         *files
	damaged       []*DamagedError // that have not been told, in the order of their sequences
	reached, last uint64
	yield         func(Record, error) bool
}

// block answers false when nobody wants to read on.
func (r *filesReader) block(b *block) bool {
	live := &r.files.stream(Stream).live
	for step := range b.steps(r.reached) {
		if step.fault != nil || step.record.marked() {
			continue
		}
		sequence := step.record.sequence()
		if sequence <= r.reached || sequence > r.last || !live.Exists(sequence) {
			continue
		}
		if !r.skip(sequence, "") {
			return false
		}
		r.reached = sequence
		if !r.yield(decodeMessage(step.record.message())) {
			return false
		}
	}
	return true
}

// skip tells what is not there before a sequence.
func (r *filesReader) skip(next uint64, reason string) bool {
	for len(r.damaged) > 0 && r.damaged[0].Sequence < next {
		damaged := r.damaged[0]
		r.damaged = r.damaged[1:]
		if damaged.Sequence <= r.reached {
			continue
		}
		if !r.missing(damaged.Sequence, reason) {
			return false
		}
		r.reached = damaged.Sequence
		record := Record{Sequence: damaged.Sequence}
		if account, client := parseSubject(damaged.subject); account != "" || ofReferences(damaged.subject) {
			record.Subject, record.Account, record.ClientID = damaged.subject, account, client
		}
		if !r.yield(record, damaged) {
			return false
		}
	}
	return r.missing(next, reason)
}

func (r *filesReader) missing(next uint64, reason string) bool {
	if next <= r.reached+1 {
		return true
	}
	missing := &MissingError{First: r.reached + 1, Last: next - 1, Reason: reason}
	r.reached = next - 1
	return r.yield(Record{}, missing)
}

// block reads a block of a stream.
func (f *files) block(stream string, number int, bytes *blockBuffer) (*block, error) {
	b, err := openBlock(filepath.Join(f.dir, stream), f.messagesDir(stream), number, bytes)
	if err == nil {
		err = b.unpack()
	}
	return b, err
}

func (f *files) messagesDir(stream string) string { return messagesDir(filepath.Join(f.dir, stream)) }
