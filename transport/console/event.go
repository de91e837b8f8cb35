package console

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"clients/domain"
	"clients/projections/timeline"
)

// maxValue bounds a value in a timeline, in characters. The page of the version has all of it.
const maxValue = 500

// Event is an event in a timeline.
type Event struct {
	Version, Sequence                 uint64
	Type                              string
	At                                time.Time
	Actor, CorrelationID, CausationID string
	Changes                           []change
}

// change is an attribute that an event changed.
type change struct {
	Label         string
	Before, After value
}

// attribute is an attribute of a client.
type attribute struct {
	Label string
	value
}

// value is the value of an attribute.
type value struct {
	Text  string
	Empty string // what there is instead of a text: "none" or "empty"
	Cut   bool   // the text is only the beginning
}

func newEvent(v timeline.Version) Event {
	return Event{
		Version: v.Version, Sequence: v.Sequence, Type: v.Type, At: v.At,
		Actor: v.Actor, CorrelationID: v.CorrelationID, CausationID: v.CausationID, Changes: changes(v.Before, v.After),
	}
}

// Label returns what the event is called.
func (e Event) Label() string { return labels[e.Type] }

// Ends reports whether the client does not exist behind the event.
func (e Event) Ends() bool { return e.Type == deleted || e.Type == erased }

// Erases reports whether nothing else is left of the client.
func (e Event) Erases() bool { return e.Type == erased }

// Creates reports whether there was nothing in front of the event.
func (e Event) Creates() bool { return e.Version == 1 }

// changes returns the attributes that differ: none of a client that is deleted, whose last values stay known.
func changes(before, after domain.Client) (changed []change) {
	if !after.Exists() {
		return nil
	}
	old := attributesOf(before)
	for i, is := range attributesOf(after) {
		was := old[i]
		created := !before.Exists() && is.Text != ""
		differs := before.Exists() && was.Text != is.Text
		if created || differs {
			changed = append(changed, change{is.Label, was.cut(), is.cut()})
		}
	}
	return changed
}

// attributesOf returns what events change of a client, in the order of the API.
func attributesOf(c domain.Client) []attribute {
	status := "inactive"
	if c.Active {
		status = "active"
	}
	return []attribute{
		{"Name", value{Text: c.Name}},
		{"Status", value{Text: status}},
		{"Currency", value{Text: c.Currency}},
		{"Currency symbol", value{Text: c.CurrencySymbol, Empty: "empty"}},
		{"Details", value{Text: c.Details, Empty: "empty"}},
		{"Highrise id", value{Text: number(c.HighriseID), Empty: "none"}},
		{"Invoice timeframe", value{Text: c.DefaultInvoiceTimeframe, Empty: "none"}},
		{"Last invoice kind", value{Text: c.LastInvoiceKind, Empty: "none"}},
	}
}

// number returns the digits of a number, "" of 0, which is null.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// cut returns the value with at most maxValue characters, in memory of its own.
func (v value) cut() value {
	count := 0
	for i := range v.Text {
		if count == maxValue {
			return value{Text: strings.Clone(v.Text[:i]), Cut: true}
		}
		count++
	}
	return v
}

// window collects the last pageSize events in front of a version.
type window struct {
	before       uint64 // 0 for no bound
	events       []Event
	Older, Newer bool // there are more events in front of them, and behind them
}

func (w *window) add(e Event) {
	if w.before > 0 && e.Version >= w.before {
		w.Newer = true
		return
	}
	if len(w.events) == pageSize {
		w.events, w.Older = w.events[1:], true
	}
	w.events = append(w.events, e)
}

// Timeline returns the events, the newest first.
func (w window) Timeline() []Event {
	events := slices.Clone(w.events)
	slices.Reverse(events)
	return events
}

// first and last return the versions at the ends of the window. It is not empty.
func (w window) first() uint64 { return w.events[0].Version }
func (w window) last() uint64  { return w.events[len(w.events)-1].Version }
