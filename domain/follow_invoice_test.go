package domain_test

import (
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

const (
	year  = "20110101,20111231"
	month = "20120201,20120229"
)

// habits is the event that sets the defaults from the client's invoices.
func habits(timeframe, kind string) domain.ClientInvoiceDefaultsChanged {
	return domain.ClientInvoiceDefaultsChanged{ID: created.ID, DefaultInvoiceTimeframe: timeframe, LastInvoiceKind: kind}
}

func TestFollowInvoice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before  domain.ClientInvoiceDefaultsChanged
		invoice domain.FollowInvoice
		want    domain.ClientInvoiceDefaultsChanged
	}{
		"takes the kind":                      {habits("", ""), domain.FollowInvoice{Kind: "task"}, habits("", "task")},
		"takes the timeframe":                 {habits("", ""), domain.FollowInvoice{Timeframe: year}, habits(year, "")},
		"takes both":                          {habits("", ""), domain.FollowInvoice{Kind: "task", Timeframe: year}, habits(year, "task")},
		"keeps the timeframe with a new kind": {habits(year, "task"), domain.FollowInvoice{Kind: "people"}, habits(year, "people")},
		"keeps the kind with a new timeframe": {habits(year, "task"), domain.FollowInvoice{Timeframe: month}, habits(month, "task")},
		"changes both":                        {habits(year, "task"), domain.FollowInvoice{Kind: "people", Timeframe: month}, habits(month, "people")},
		"changes the kind alone":              {habits(year, "task"), domain.FollowInvoice{Kind: "people", Timeframe: year}, habits(year, "people")},
		"is case-sensitive":                   {habits(year, "task"), domain.FollowInvoice{Kind: "Task"}, habits(year, "Task")},
		"takes a kind of 255 wide characters": {habits("", ""), domain.FollowInvoice{Kind: strings.Repeat("𝄞", 255)}, habits("", strings.Repeat("𝄞", 255))},
		"takes every character of XML":        {habits("", ""), domain.FollowInvoice{Kind: "<b>&\t\u0085"}, habits("", "<b>&\t\u0085")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given(created, c.before).when(c.invoice).then(t, c.want)
			given(created, switchedOff, c.before).when(c.invoice).then(t, c.want)
			given(created, c.before, c.want).when(c.invoice).thenNothing(t)
			after := given(created, c.before).when(c.invoice).state(t)
			require.Equal(t, c.want.DefaultInvoiceTimeframe, after.DefaultInvoiceTimeframe)
			require.Equal(t, c.want.LastInvoiceKind, after.LastInvoiceKind)
		})
	}
}

func TestFollowInvoiceThatNamesNothingChangesNothing(t *testing.T) {
	t.Parallel()
	given(created).when(domain.FollowInvoice{}).thenNothing(t)
	given(created, habits(year, "task")).when(domain.FollowInvoice{}).thenNothing(t)
}

func TestFollowInvoiceRefusesInvalidValues(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"too long":       strings.Repeat("a", 256),
		"too long, wide": strings.Repeat("é", 256),
		"zero":           "a\x00",
		"control":        "\x1F",
		"no character":   "\uFFFE",
		"no UTF-8":       "\xFF",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, given(created).when(domain.FollowInvoice{Kind: text}).thenRefused(t, domain.Invalid), "Invoice kind")
			require.Contains(t, given(created).when(domain.FollowInvoice{Timeframe: text}).thenRefused(t, domain.Invalid), "Invoice timeframe")
			given(created).when(domain.FollowInvoice{Kind: "task", Timeframe: text}).thenRefused(t, domain.Invalid)
		})
	}
}
