package domain_test

import (
	"errors"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// A scenario describes the outcome of a command, given the events before it:
//
//	given(created).when(domain.ToggleClient{}).then(t, domain.ClientToggled{ID: 1, Active: false})
type scenario struct {
	history    []domain.Event
	references domain.References
	command    domain.Command
}

func given(history ...domain.Event) scenario { return scenario{history: history} }

// holding sets the references to the client.
func (s scenario) holding(r domain.References) scenario {
	s.references = r
	return s
}

func (s scenario) when(command domain.Command) scenario {
	s.command = command
	return s
}

// then requires that the command results in exactly this event.
func (s scenario) then(t *testing.T, want domain.Event) {
	t.Helper()
	event, err := s.decide()
	require.NoError(t, err)
	require.Equal(t, want, event)
}

// thenNothing requires that the command succeeds without an event.
func (s scenario) thenNothing(t *testing.T) {
	t.Helper()
	event, err := s.decide()
	require.NoError(t, err)
	require.Nil(t, event)
}

// thenRefused requires that the command is refused and returns the message.
func (s scenario) thenRefused(t *testing.T, kind domain.Kind) string {
	t.Helper()
	event, err := s.decide()
	require.Nil(t, event, "a refused command must not lead to an event")
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, kind, refusal.Kind, "refused with: %v", err)
	require.NotEmpty(t, refusal.Message)
	return refusal.Message
}

// state returns the client after the history and the command.
func (s scenario) state(t *testing.T) domain.Client {
	t.Helper()
	event, err := s.decide()
	require.NoError(t, err)
	c := fold(s.history)
	if event != nil {
		c = domain.Evolve(c, event)
	}
	return c
}

func (s scenario) decide() (domain.Event, error) {
	if s.command == nil {
		return nil, errors.New("a scenario without a command")
	}
	return domain.Decide(fold(s.history), s.references, s.command)
}

func fold(history []domain.Event) domain.Client {
	var c domain.Client
	for _, e := range history {
		c = domain.Evolve(c, e)
	}
	return c
}

const dollars = "United States Dollars - USD"

// created is the creation of the client of the scenarios.
var created = domain.ClientCreated{
	ID: 11072, Name: "SuprCorp", HighriseID: 568902, Currency: dollars, CurrencySymbol: "$", Active: true,
	Details: "123 Main St.",
}

// create returns a CreateClient with the values that the handler fills in.
func create(d domain.ClientAttributes) domain.CreateClient {
	return domain.CreateClient{ID: 11072, Attributes: d, DefaultCurrency: dollars}
}

func update(d domain.ClientAttributes) domain.UpdateClient { return domain.UpdateClient{Attributes: d} }
