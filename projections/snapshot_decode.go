package projections

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"clients/domain"

	"github.com/klauspost/compress/zstd"
)

// ErrSnapshot tells that a snapshot is cut, damaged, or written by a release that writes another form.
var ErrSnapshot = errors.New("the snapshot cannot be read")

// Restore puts a directory that has followed nothing yet where a snapshot was taken. When it fails the error is an
// ErrSnapshot, and the directory is as new.
func (d *Directory) Restore(r io.Reader) (err error) {
	format := make([]byte, len(snapshotFormat))
	if _, err := io.ReadFull(r, format); err != nil || string(format) != snapshotFormat {
		return fmt.Errorf("%w: it is of another form", ErrSnapshot)
	}
	decompressor, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(2))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	defer decompressor.Close()
	restored := &Directory{texts: d.texts}
	restored.empty()
	restored.references.keptIDs, restored.references.keptMessages = d.references.keptIDs, d.references.keptMessages
	decoder := &snapshotDecoder{r: bufio.NewReaderSize(decompressor, 1<<20), d: restored}
	if err := decoder.snapshot(); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if _, err := decoder.r.ReadByte(); !errors.Is(err, io.EOF) { // the checksum is looked at by the end
		return fmt.Errorf("%w: %w", ErrSnapshot, cmpErr(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accounts, d.byID, d.deleted, d.references = restored.accounts, restored.byID, restored.deleted, restored.references
	d.sequence, d.storedAt, d.clock, d.highestID = restored.sequence, restored.storedAt, restored.clock, restored.highestID
	d.clients = restored.clients
	d.arrivals.advance(d.sequence)
	return nil
}

// reset makes a directory as new again.
func (d *Directory) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.empty()
	d.arrivals.advance(0)
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("there is more than there should be")
	}
	return err
}

// snapshotDecoder reads what snapshotEncoder writes. It stops at the first error, and answers zeros from then on.
type snapshotDecoder struct {
	r      *bufio.Reader
	d      *Directory
	buffer []byte
	texts  []string
	err    error
}

func (s *snapshotDecoder) snapshot() error {
	d := s.d
	d.sequence, d.storedAt, d.clock, d.highestID = s.number(), s.time(), s.time(), int64(s.number())
	last := int64(0)
	s.each(func() {
		last += int64(s.number())
		d.deleted.add(last)
	})
	s.each(s.account)
	s.each(s.stream)
	s.each(s.thing)
	s.each(func() {
		client, kindAs, timeframeAs := int64(s.number()), s.moment(), s.moment()
		d.references.change(client, func(h *held) { h.kindAs, h.timeframeAs = kindAs, timeframeAs })
	})
	d.references.forgetAll()
	if end := s.number(); s.err == nil && end != snapshotEnd {
		s.err = errors.New("its end is not where it should be")
	}
	return s.err
}

// each reads as many of something as the next number says, up to the first error.
func (s *snapshotDecoder) each(read func()) {
	for n := s.number(); n > 0 && s.err == nil; n-- {
		read()
	}
}

func (s *snapshotDecoder) account() {
	name := s.text()
	a := newAccount(name)
	a.revision = domain.Revision{Version: s.number(), Checksum: s.number()}
	var entries []*entry
	s.each(func() {
		c, lastSequence := s.client()
		entries = append(entries, newEntry(a, c, lastSequence))
	})
	if s.err == nil {
		s.fill(a, entries)
	}
	if s.err != nil {
		return
	}
	s.d.accounts[name] = a
}

// fill puts entries, which are ordered by name, into an empty account.
func (s *snapshotDecoder) fill(a *account, entries []*entry) {
	var trees sync.WaitGroup
	trees.Go(func() {
		byUpdate := slices.Clone(entries)
		slices.SortFunc(byUpdate, compareUpdates)
		for _, e := range byUpdate {
			a.byUpdate.Load(e)
		}
	})
	for _, e := range entries {
		a.byName.Load(e)
	}
	if len(s.d.byID) == 0 { // most are of one account
		s.d.byID = make(map[int64]*entry, len(entries))
	}
	for _, e := range entries {
		s.d.byID[e.ID] = e
	}
	trees.Wait()
	if s.d.clients += len(entries); s.d.clients != len(s.d.byID) {
		s.err = fmt.Errorf("a client is in it twice, in account %s or in another", a.name)
	}
}

func (s *snapshotDecoder) client() (c domain.Client, lastSequence uint64) {
	c.ID = int64(s.number())
	lastSequence = s.number()
	c.Revision = domain.Revision{Version: s.number(), Checksum: s.number()}
	c.CreatedAt, c.UpdatedAt = s.time(), s.time()
	c.HighriseID = int64(s.number())
	c.Active = s.flag()
	name, details := s.length(), s.length()
	if both := s.bytes(name + details); s.err == nil {
		c.Name, c.Details = both[:name], both[name:]
	}
	c.Currency, c.CurrencySymbol = s.shared(), s.shared()
	c.DefaultInvoiceTimeframe, c.LastInvoiceKind = s.shared(), s.shared()
	return c, lastSequence
}

func (s *snapshotDecoder) stream() {
	name := s.text()
	r := newReading()
	r.latest, r.recorder = int(s.number()), s.text()
	s.each(func() {
		created := int64(s.number())
		r.incarnations[created] = &incarnation{number: int(s.number()), round: int(s.number()), sequence: s.number(), storedAt: s.time()}
	})
	s.d.references.streams[name] = r
}

func (s *snapshotDecoder) thing() {
	scope := scope{kind: domain.ReferenceKind(s.shared()), account: s.shared()}
	t := &thing{
		id: int64(s.number()), exists: s.flag(), active: s.flag(), client: int64(s.number()),
		existsAs: s.moment(), activeAs: s.moment(), clientsAs: s.moment(),
	}
	s.each(func() { t.events = append(t.events, s.number()) })
	s.d.references.restore(scope, t)
}
