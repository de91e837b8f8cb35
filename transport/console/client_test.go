package console_test

import (
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/timeline"
	"clients/transport/console"

	"github.com/stretchr/testify/require"
)

// minute is when a version was stored.
func minute(version uint64) time.Time {
	return time.Date(2026, 11, 29, 0, int(version), 0, 0, time.UTC)
}

// renames are n versions of a client, each of which changes its name.
func renames(n uint64) iter.Seq2[timeline.Version, error] {
	return func(yield func(timeline.Version, error) bool) {
		var before domain.Client
		for i := uint64(1); i <= n; i++ {
			after := domain.Client{ID: 7, Name: fmt.Sprintf("Name %d.", i)}
			v := timeline.Version{Record: eventstore.Record{Sequence: i, Type: "clients.v1.ClientUpdated"}, At: minute(i), Before: before, After: after}
			v.Version = i
			if !yield(v, nil) {
				return
			}
			before = after
		}
	}
}

// needed are the renames from the last one on that a page can do without.
func needed(n uint64, s console.Selection) iter.Seq2[timeline.Version, error] {
	unneeded := s.Unneeded(n)
	var all []timeline.Version
	for v := range renames(n) {
		if unneeded(v) {
			all = nil
		}
		all = append(all, v)
	}
	return func(yield func(timeline.Version, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// A page has a window of the history, the newest first, and links to those in front of it and behind it.
func TestWindowsOfALongHistory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		versions     uint64
		selection    console.Selection
		status       int
		state        uint64 // the version whose state is shown, 0 for none
		newest, last uint64 // versions at the ends of the window
		newer, older string // queries of the links, - for none
	}{
		{1, console.Selection{}, 200, 1, 1, 1, "-", "-"},
		{50, console.Selection{}, 200, 50, 50, 1, "-", "-"},
		{51, console.Selection{}, 200, 51, 51, 2, "-", "?before=2"},
		{200, console.Selection{}, 200, 200, 200, 151, "-", "?before=151"},
		{200, console.Selection{Before: 151}, 200, 200, 150, 101, "", "?before=101"},
		{200, console.Selection{Before: 101}, 200, 200, 100, 51, "?before=151", "?before=51"},
		{200, console.Selection{Before: 51}, 200, 200, 50, 1, "?before=101", "-"},
		{200, console.Selection{Before: 1}, 200, 200, 200, 151, "-", "?before=151"},
		{200, console.Selection{Version: 180}, 200, 180, 200, 151, "-", "?before=151&version=180"},
		{200, console.Selection{Version: 100}, 200, 100, 124, 75, "?before=175&version=100", "?before=75&version=100"},
		{200, console.Selection{Version: 1}, 200, 1, 25, 1, "?before=76&version=1", "-"},
		{200, console.Selection{Version: 100, Before: 60}, 200, 100, 59, 10, "?before=110&version=100", "?before=10&version=100"},
		{200, console.Selection{At: minute(100)}, 200, 100, 124, 75, "?before=175&version=100", "?before=75&version=100"},
		{200, console.Selection{At: minute(101).Add(-time.Second)}, 200, 100, 124, 75, "?before=175&version=100", "?before=75&version=100"},
		{200, console.Selection{Version: 201}, 404, 0, 200, 151, "-", "?before=151"},
		{200, console.Selection{At: minute(0)}, 404, 0, 200, 151, "-", "?before=151"},
	} {
		page, status, err := console.Client(console.Frame{}, domain.Client{}, renames(c.versions), 7, c.selection)
		require.NoError(t, err)
		name := fmt.Sprintf("%d versions, %+v", c.versions, c.selection)
		short, _, err := console.Client(console.Frame{}, domain.Client{}, needed(c.versions, c.selection), 7, c.selection)
		require.NoError(t, err)
		require.Equal(t, string(page), string(short), name)
		require.Equal(t, c.status, status, name)
		shown := regexp.MustCompile(`<li data-key="(\d+)"`).FindAllStringSubmatch(string(page), -1)
		require.Equal(t, fmt.Sprint(c.newest, c.last), shown[0][1]+" "+shown[len(shown)-1][1], name)
		require.Len(t, shown, int(c.newest-c.last)+1, name)
		links := map[string]string{"Newer": "-", "Older": "-"}
		for _, link := range regexp.MustCompile(`<a href="/console/clients/7(\S*)#history">\S+ (\w+) events`).FindAllStringSubmatch(string(page), -1) {
			links[link[2]] = strings.ReplaceAll(link[1], "&amp;", "&")
		}
		require.Equal(t, c.newer, links["Newer"], name)
		require.Equal(t, c.older, links["Older"], name)
		state := fmt.Sprintf(`<dt>Name</dt><dd><span class="text" dir="auto">Name %d.</span></dd>`, c.state)
		require.Equal(t, c.state > 0, strings.Contains(string(page[:strings.Index(string(page), `id="history"`)]), state), name)
	}
}

// A text that is too long for the timeline, also one that another program has stored, is compared as a whole.
func TestAChangeOfALongText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 600)
	for name, c := range map[string]struct {
		before, after domain.Client
		want          []string // labels
	}{
		"name, behind what is shown":    {domain.Client{ID: 7, Name: long}, domain.Client{ID: 7, Name: long + "y"}, []string{"Name"}},
		"details, behind what is shown": {domain.Client{ID: 7, Details: long}, domain.Client{ID: 7, Details: long + "y"}, []string{"Details"}},
		"details beside a long name":    {domain.Client{ID: 7, Name: long, Details: "a"}, domain.Client{ID: 7, Name: long, Details: "b"}, []string{"Details"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			update := func(yield func(timeline.Version, error) bool) {
				v := timeline.Version{Record: eventstore.Record{Sequence: 9, Type: "clients.v1.ClientUpdated"}, At: minute(2), Before: c.before, After: c.after}
				v.Version = 2
				yield(v, nil)
			}
			page, _, err := console.Client(console.Frame{}, c.after, update, 7, console.Selection{})
			require.NoError(t, err)
			_, history, _ := strings.Cut(string(page), `id="history"`)
			var labels []string
			for _, label := range regexp.MustCompile(`<dt>([^<]*)</dt>`).FindAllStringSubmatch(history, -1) {
				labels = append(labels, label[1])
			}
			require.Equal(t, c.want, labels)
		})
	}
}

// What is left of an erased client is its erasure.
func TestAnErasedClient(t *testing.T) {
	t.Parallel()
	erasure := func(yield func(timeline.Version, error) bool) {
		v := timeline.Version{Record: eventstore.Record{Sequence: 9, Type: "clients.v1.ClientErased"}, At: minute(5)}
		v.Version, v.Actor = 5, "admin"
		yield(v, nil)
	}
	page, status, err := console.Client(console.Frame{}, domain.Client{}, erasure, 7, console.Selection{})
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Contains(t, string(page), "<b>Erased</b> on ")
	require.Contains(t, string(page), "by admin. Everything that was stored about the client is gone.")
	require.Contains(t, string(page), "Erased<span")
	require.NotContains(t, string(page), "<dt>Name")
	page, status, err = console.Client(console.Frame{}, domain.Client{}, erasure, 7, console.Selection{Version: 1})
	require.NoError(t, err)
	require.Equal(t, 404, status)
	require.Contains(t, string(page), "None are left.")
	require.NotContains(t, string(page), "There is no version")
}

func TestAClientThatNeverWas(t *testing.T) {
	t.Parallel()
	_, _, err := console.Client(console.Frame{}, domain.Client{}, renames(0), 7, console.Selection{})
	require.ErrorIs(t, err, domain.ErrNotFound)
	fault := errors.New("damaged")
	_, _, err = console.Client(console.Frame{}, domain.Client{}, func(yield func(timeline.Version, error) bool) { yield(timeline.Version{}, fault) }, 7, console.Selection{})
	require.ErrorIs(t, err, fault)
}
