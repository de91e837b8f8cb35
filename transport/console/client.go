package console

import (
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"time"

	"clients/domain"
	"clients/projections/timeline"
)

// Selection says what a page of a client shows. The zero Selection is the present state and the newest events.
type Selection struct {
	Version uint64    // the client after its event of that number; 0 for the last one
	At      time.Time // the client at the end of this second; zero for now
	Before  uint64    // the events in front of this version; 0 for the newest, or those around the selected version
}

// Past reports whether a version is selected.
func (s Selection) Past() bool { return s.Version > 0 || !s.At.IsZero() }

// reaches reports whether a version is the selected one or in front of it.
func (s Selection) reaches(v timeline.Version) bool {
	if s.Version > 0 {
		return v.Version <= s.Version
	}
	return s.At.IsZero() || v.At.Before(s.At.Truncate(time.Second).Add(time.Second))
}

// Unneeded returns a function that reports whether the page can be made without a version and those in front of it. last is the number
// of the present version, 0 if it is not known.
func (s Selection) Unneeded(last uint64) func(timeline.Version) bool {
	end := last + 1 // of the first events that the page shows
	for _, v := range []uint64{s.Version, s.Before} {
		if v > 0 {
			end = min(end, v)
		}
	}
	return func(v timeline.Version) bool { return last > 0 && s.At.IsZero() && v.Version+pageSize < end }
}

// client is the data of client.html.
type client struct {
	Frame
	Selection
	window
	ID        int64
	Name      string        // the last one
	State     domain.Client // that is shown: of an event that ends the client, what it was before
	Shown     Event         // that led to it
	Last      Event
	NoHistory bool // because it cannot be read at present
}

// Client returns the page of a client, and its status, which is 404 if the client did not exist as selected. versions may leave out the
// versions for which Selection.Unneeded is true, except for the last of these. If versions is nil, because they cannot be read, the page
// shows the present client alone. The error is domain.ErrNotFound if there never was such a client, or that of versions.
func Client(frame Frame, present domain.Client, versions iter.Seq2[timeline.Version, error], id int64, s Selection) (page []byte, status int, err error) {
	c := client{Frame: frame, Selection: s, ID: id, Name: present.Name, State: present, NoHistory: versions == nil}
	if versions != nil {
		if err := c.read(versions); err != nil {
			return nil, 0, err
		}
	}
	status = http.StatusOK
	if c.Missing() {
		status = http.StatusNotFound
	}
	return render("client.html", c), status, nil
}

// read folds the versions into the page.
func (c *client) read(versions iter.Seq2[timeline.Version, error]) error {
	around, newest := window{}, window{} // the events around the selected version, and the last ones
	c.window.before = c.Before
	for v, err := range versions {
		if err != nil {
			return err
		}
		e := newEvent(v)
		c.window.add(e)
		newest.add(e)
		if c.reaches(v) {
			if c.Shown, c.State = e, v.After; e.Ends() {
				c.State = v.Before
			}
		}
		if c.Last = e; v.After.Exists() {
			c.Name = v.After.Name
		}
		around.before = c.Shown.Version + pageSize/2
		around.add(e)
	}
	if c.Last.Version == 0 {
		return domain.ErrNotFound
	}
	if len(c.window.events) == 0 { // there are none in front of that version
		c.Before, c.window = 0, newest
	}
	if c.Past() && c.Before == 0 && c.Shown.Version > 0 && c.Shown.Version < c.window.first() {
		c.window = around
	}
	return nil
}

// Missing reports whether there is no such version as is selected.
func (c client) Missing() bool {
	return !c.NoHistory && (c.Shown.Version == 0 || c.Version > c.Last.Version)
}

// Attributes returns those of the state that is shown.
func (c client) Attributes() []attribute { return attributesOf(c.State) }

// VersionLink returns the URL of a version, which leaves the events of the page where they are.
func (c client) VersionLink(version uint64) string { return c.link(version, c.Before) }

// OlderLink returns the URL of the page of events in front of this one.
func (c client) OlderLink() string { return c.link(c.selected(), c.window.first()) }

// NewerLink returns the URL of the page of events behind this one.
func (c client) NewerLink() string {
	before := c.window.last() + 1 + pageSize
	if before > c.Last.Version {
		before = 0 // the newest, also those that are still to come
	}
	return c.link(c.selected(), before)
}

// selected returns the number of the selected version, 0 for the present one.
func (c client) selected() uint64 {
	if c.Past() && !c.Missing() {
		return c.Shown.Version
	}
	return 0
}

func (c client) link(version, before uint64) string {
	return link(fmt.Sprintf("/console/clients/%d", c.ID), url.Values{"version": {fmt.Sprint(version)}, "before": {fmt.Sprint(before)}})
}

// link returns a URL with parameters. Those without a value, or with 0, are left out.
func link(path string, parameters url.Values) string {
	maps.DeleteFunc(parameters, func(_ string, values []string) bool { return values[0] == "" || values[0] == "0" })
	if len(parameters) == 0 {
		return path
	}
	return path + "?" + parameters.Encode()
}
