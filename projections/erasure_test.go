package projections_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/readmodel"
	"clients/projections/snapshot"

	"github.com/stretchr/testify/require"
)

// Behind an erasure all models are equal: of a replica that folded the messages before they were removed, of a full replay, and
// of a start from a snapshot of any moment. The clients have projects and invoices, events come twice, and clocks are set back.
func TestModelsAreEqualBehindAnErasure(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := &erasures{random: rand.New(rand.NewPCG(seed, 0)), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
			for range 150 {
				s.step()
			}
			for _, c := range s.clients {
				if s.random.IntN(2) == 0 {
					s.erase(c)
					s.step()
				}
			}
			s.event(&written{id: 1000}, domain.ClientErased{ID: 1000}) // of a client that a backup does not know
			live := digest(t, s.folded(t, readmodel.NewModel(), s.records, nil))
			for cut := range s.records {
				before := s.folded(t, readmodel.NewModel(), s.records[:cut], nil)
				var saved bytes.Buffer
				require.NoError(t, snapshot.Encode(&saved, before.View()))
				restored, err := snapshot.Decode(&saved)
				require.NoError(t, err)
				require.Equal(t, live, digest(t, s.folded(t, restored, s.records[cut:], &s.removals)), "from %d on", cut)
			}
		})
	}
}

// erasures is a stream of the events of some clients.
type erasures struct {
	random   *rand.Rand
	now      time.Time
	records  []eventstore.Record
	clients  []*written
	projects uint64 // messages of PROJECTS
	removals eventstore.Removals
}

// written is a client of which events were stored.
type written struct {
	id       int64
	version  uint64
	deleted  bool
	messages []eventstore.Record
}

// step stores one message.
func (s *erasures) step() {
	c := &written{id: int64(len(s.clients) + 1)}
	what := s.random.IntN(8)
	if len(s.clients) > 0 && what > 1 {
		c = s.clients[s.random.IntN(len(s.clients))]
	}
	switch {
	case c.version == 0:
		s.clients = append(s.clients, c)
		s.event(c, domain.ClientCreated{ID: c.id, Name: fmt.Sprint("client ", c.id), Currency: "Euro - EUR"})
	case what == 2:
		s.add(c, eventstore.Record{ClientID: c.id, Foreign: "no valid envelope", Envelope: domain.Envelope{Account: s.account(c)}})
	case what == 3:
		s.add(c, c.messages[s.random.IntN(len(c.messages))]) // repeated
	case what < 6:
		s.reference(c)
	case c.deleted:
	case what == 6:
		s.event(c, domain.ClientDeleted{ID: c.id})
		c.deleted = true
	default:
		s.event(c, domain.ClientToggled{ID: c.id})
	}
}

func (s *erasures) account(c *written) string { return fmt.Sprint("account-", c.id%3) }

func (s *erasures) add(c *written, r eventstore.Record) {
	s.now = s.now.Add(time.Duration(s.random.IntN(5)-2) * time.Second)
	r.Sequence, r.StoredAt = uint64(len(s.records)+1), s.now
	s.records = append(s.records, r)
	if r.ClientID != 0 {
		c.messages = append(c.messages, r)
	}
	s.removals.Add(r)
}

func (s *erasures) event(c *written, e domain.Event) {
	c.version++
	kinds := map[bool]string{true: "clients.v1.ClientDeleted", false: "another type"}
	_, deletion := e.(domain.ClientDeleted)
	s.add(c, eventstore.Record{
		ClientID: c.id, Type: kinds[deletion], Checksum: s.random.Uint64(), Envelope: domain.Envelope{Account: s.account(c), Event: e, Version: c.version},
	})
}

// reference stores what was learned of a project, or of an invoice, of a client.
func (s *erasures) reference(c *written) {
	s.projects++
	kind := []domain.ReferenceKind{domain.Project, domain.Invoice}[s.random.IntN(2)]
	stream := map[domain.ReferenceKind]string{domain.Project: "PROJECTS", domain.Invoice: "INVOICES"}[kind]
	operation := []domain.Operation{domain.Created, domain.Changed, domain.Deleted}[s.random.IntN(3)]
	s.add(c, eventstore.Record{Reference: &domain.ReferenceEvent{
		Source: domain.Position{Stream: stream, Created: time.Unix(1, 0), Sequence: s.projects}, EventID: fmt.Sprint(s.projects),
		Account: s.account(c), Subject: c.id, Kind: kind, Operation: operation, ID: s.random.Int64N(9), ClientID: c.id, InvoiceKind: "task",
	}})
}

// erase stores an erasure. The client may exist, as in an older backup.
func (s *erasures) erase(c *written) {
	client := readmodel.NewModel()
	for i := range c.messages {
		_ = client.Fold(&c.messages[i])
	}
	messages := eventstore.RemovedMessages(c.messages)
	s.event(c, domain.ClientErased{ID: c.id})
	s.add(c, eventstore.Record{Removal: &eventstore.Removal{Reason: "erasure", Account: s.account(c), ClientID: c.id, Messages: messages}})
	c.deleted = true
}

// folded folds records, and those that were removed as such.
func (s *erasures) folded(t *testing.T, m *readmodel.Model, records []eventstore.Record, removals *eventstore.Removals) *readmodel.Model {
	t.Helper()
	for _, r := range records {
		if removals != nil {
			if removed, found := removals.Record(r.Sequence); found {
				r = removed
			}
		}
		require.NoError(t, m.Fold(&r))
	}
	return m
}

func digest(t *testing.T, m *readmodel.Model) string {
	t.Helper()
	d := snapshot.Digest(m.View())
	return fmt.Sprintf("%x", d)
}
