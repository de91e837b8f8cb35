package transport_test

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/timeline"
	"clients/transport"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// extremes is a history whose events change all texts, of the greatest length and of a character that takes five bytes when it is
// escaped.
type extremes struct{}

func (extremes) Messages(_ context.Context, account string, id int64, _, _ uint64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for i := range uint64(60) {
			last := string('a' + rune(i%2))
			name, details := strings.Repeat("&", 254)+last, strings.Repeat("&", 64<<10-1)+last
			r := eventstore.Record{Sequence: i + 1, ClientID: id, Envelope: domain.Envelope{Account: account, Version: i + 1}}
			if r.Event = (domain.ClientUpdated{Name: &name, Currency: &name, CurrencySymbol: &name, Details: &details}); i == 0 {
				r.Event = domain.ClientCreated{ID: id}
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (extremes) State(string, int64) domain.State        { return domain.State{} }
func (extremes) Sequence() uint64                        { return 60 }
func (extremes) Time(eventstore.Record) (none time.Time) { return none }

// unread is a response that its reader takes nothing of.
type unread struct {
	*httptest.ResponseRecorder
	held chan int // bytes, 0 for a refusal
	end  chan struct{}
}

func (w unread) Write(p []byte) (int, error) {
	if w.Code == http.StatusOK {
		w.held <- len(p)
		<-w.end
	} else {
		w.held <- 0
	}
	return len(p), nil
}

// Pages that wait for their readers stay within the memory that is reserved for responses, whatever the events are.
func TestPagesOfExtremeEventsAreWithinTheirMemory(t *testing.T) {
	t.Parallel()
	const limit, requests = 64 << 20, 24
	s := newService(t)
	api := transport.API{
		Commands: s, Directory: s, Timeline: timeline.New(extremes{}, extremes{}), Hosts: transport.Hosts{Any: true}, Draining: new(atomic.Bool),
		MemoryLimit: limit, Epoch: func() string { return "epoch" }, ReadOnly: func() string { return "" },
		Metrics: transport.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	}
	handler, err := api.Handler()
	require.NoError(t, err)
	for _, path := range []string{"/clients/7/history?after=2", "/console/clients/7"} {
		var readers sync.WaitGroup
		w := unread{held: make(chan int), end: make(chan struct{})}
		for range requests {
			readers.Go(func() {
				handler.ServeHTTP(unread{httptest.NewRecorder(), w.held, w.end}, httptest.NewRequest(http.MethodGet, path, nil))
			})
		}
		held, refused := 0, 0
		for range requests {
			n := <-w.held
			if held += n; n == 0 {
				refused++
			}
		}
		close(w.end)
		readers.Wait()
		require.NotZero(t, held, path)
		require.NotZero(t, refused, path)
		require.Less(t, held, limit/8, path)
	}
}
