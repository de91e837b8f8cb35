package command_test

import (
	"testing"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

const (
	acme    = "acme"
	dollars = "United States Dollars - USD"
)

// events returns the stored events of a client.
func (w *world) events(id int64) (events []domain.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.stream {
		if e.Event.Client() == id {
			events = append(events, e.Event)
		}
	}
	return events
}

// attempts returns the number of appends so far.
func (w *world) attempts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.appends)
}

// ended requires that commands ended with these outcomes, in this order.
func (w *world) ended(t *testing.T, outcomes ...command.Outcome) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Equal(t, outcomes, w.outcomes)
}

func requireKind(t *testing.T, kind domain.Kind, err error) {
	t.Helper()
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, kind, refusal.Kind, "%v", err)
}

var created = domain.ClientCreated{ID: 7, Name: "A", Currency: dollars, CurrencySymbol: "$", Active: true}

func create(name string) command.Request {
	return command.Request{Account: acme, Command: domain.CreateClient{Attributes: domain.ClientAttributes{Name: &name}}}
}

func rename(name string) command.Request {
	return command.Request{Account: acme, ClientID: 7, Command: domain.UpdateClient{Attributes: domain.ClientAttributes{Name: &name}}}
}

func toggle() command.Request {
	return command.Request{Account: acme, ClientID: 7, Command: domain.ToggleClient{}}
}

func remove() command.Request {
	return command.Request{Account: acme, ClientID: 7, Command: domain.DeleteClient{}}
}

// keyed is a request under an idempotency key.
func keyed(r command.Request) command.Request {
	r.Key, r.Fingerprint = "key", "fingerprint"
	return r
}
