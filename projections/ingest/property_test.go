package ingest_test

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// naiveModel folds the events of other services in the simplest way.
type naiveModel struct {
	entries map[string]*naiveItem // by subject: each project and invoice has one of its own
	seen    map[string]bool
}

type naiveItem struct {
	gone, inactive bool
	client         int64
	begun          bool // its creation or deletion is known
	toggled        bool // a change set whether it is inactive
}

func newNaiveModel() *naiveModel {
	return &naiveModel{entries: map[string]*naiveItem{}, seen: map[string]bool{}}
}

// read folds one message. The clients up to a number exist.
func (l *naiveModel) read(m *nats.Msg, clients int64) {
	id := m.Header.Get("ce-id")
	var words struct {
		Client int64 `json:"client_id"`
		Active *bool `json:"active"`
	}
	known := l.entries[m.Subject]
	verb := m.Header.Get("ce-type")
	unreadable := json.Unmarshal(m.Data, &words) != nil
	late := strings.HasSuffix(verb, "Created") && known != nil && !known.begun
	if late { // what a change said is newer
		words.Client = 0
	}
	unknown := words.Client > clients || words.Client == 0 && known == nil
	if strings.HasSuffix(verb, "Deleted") && known != nil {
		unknown = false
	}
	if unreadable || unknown || l.seen[id+m.Subject] {
		return
	}
	l.seen[id+m.Subject] = true
	if known == nil {
		known = &naiveItem{}
		l.entries[m.Subject] = known
	}
	switch {
	case strings.HasSuffix(verb, "Deleted"):
		known.gone, known.begun = true, true
		if known.client == 0 {
			known.client = words.Client
		}
		return
	case strings.HasSuffix(verb, "Created"):
		known.gone, known.begun = false, true
		if late && known.toggled {
			return
		}
		known.inactive = false
	}
	if words.Client != 0 {
		known.client = words.Client
	}
	if words.Active != nil {
		known.inactive, known.toggled = !*words.Active, true
	}
}

func (l *naiveModel) references(client int64) (r domain.References) {
	for subject, e := range l.entries {
		switch {
		case e.gone || e.client != client:
		case strings.HasPrefix(subject, "invoices."):
			r.Invoices++
		case e.inactive:
			r.InactiveProjects++
		default:
			r.ActiveProjects++
		}
	}
	return r
}

func TestRandomHistoriesMatchANaiveModel(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const clients, histories, length = 3, 4, 150
	for history := range uint64(histories) {
		t.Run(strconv.FormatUint(history, 10), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, history))
			y := newSystem(t, 1)
			y.createStreams()
			r := y.replica(0)
			for range clients {
				r.createClient()
			}
			naive := newNaiveModel()
			messages := randomMessages(random, clients+1, length) // one of the clients does not exist
			for len(messages) > 0 {
				n := min(1+random.IntN(40), len(messages))
				for _, m := range messages[:n] {
					naive.read(m, clients)
				}
				y.publish(messages[:n]...)
				messages = messages[n:]
				switch random.IntN(4) {
				case 0: // another replica takes over
					next := y.replica(0)
					r.stop()
					r = next
				case 1: // recorded messages may be deleted
					r.awaitIngested()
					y.purge([]upstream.Stream{upstream.Projects, upstream.Invoices}[random.IntN(2)])
				}
			}
			r.awaitIngested()
			for id := range int64(clients) {
				require.Equal(t, naive.references(1+id), r.directory.State(acme, 1+id).References, "seed %d, history %d, client %d", seed, history, 1+id)
			}
		})
	}
}
