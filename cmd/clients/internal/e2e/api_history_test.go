package e2e_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// lifeOf changes a client in every way, and deletes it. It returns what GET showed after each event, in XML and in JSON.
func lifeOf(s *client, js jetstream.JetStream) (id int64, xml, json []string) {
	s.t.Helper()
	id = s.create("SuprCorp")
	shown := func() {
		xml = append(xml, s.want(http.StatusOK, http.MethodGet, path(id), "").body)
		json = append(json, s.want(http.StatusOK, http.MethodGet, path(id)+".json", "").body)
	}
	shown()
	for _, change := range []string{
		`{"client":{"name":"Änderung & <Co>","highrise_id":7}}`,
		`{"client":{"currency":"Euro - EUR"}}`,
		`{"client":{"details":"line\nline","currency_symbol":""}}`,
		`{"client":{"highrise_id":null,"active":false}}`,
	} {
		s.want(http.StatusOK, http.MethodPut, path(id), change, asJSON)
		shown()
	}
	s.want(http.StatusOK, http.MethodPost, path(id)+"/toggle", "")
	shown()
	invoice(s.t, js, "InvoiceCreated", id, fmt.Sprintf(`"client_id":%d,"kind":"free","period_start":"2011-01-01","period_end":"2011-12-31"`, id))
	eventually(s.t, func() bool { return s.attributes(id)["last_invoice_kind"] == "free" }, "the invoice is known")
	shown()
	invoice(s.t, js, "InvoiceDeleted", id, "")
	eventually(s.t, func() bool {
		return s.do(http.MethodDelete, path(id), "").status == http.StatusOK
	}, "the invoice is gone")
	return id, xml, json
}

// Each version equals, byte for byte, the response of GET at that time.
func TestVersionsEqualTheFormerResponses(t *testing.T) {
	t.Parallel()
	s := start(t)
	id, xml, json := lifeOf(s.client, s.partner(t))
	for i := range xml {
		query := fmt.Sprintf("?version=%d", i+1)
		require.Equal(t, xml[i], s.want(http.StatusOK, http.MethodGet, path(id)+query, "").body)
		require.Equal(t, json[i], s.want(http.StatusOK, http.MethodGet, path(id)+".json"+query, "").body)
	}
	s.want(http.StatusNotFound, http.MethodGet, path(id)+fmt.Sprintf("?version=%d", len(xml)+1), "")
	s.want(http.StatusNotFound, http.MethodGet, path(id), "")
}

type historyEvent struct {
	Version, Sequence int64
	Type, Time, Actor string
	CorrelationID     *string `json:"correlation_id"`
	CausationID       *string `json:"causation_id"`
	Changes           map[string]struct{ Before, After any }
}

// history returns the events of one page, and the path of the next one.
func (c *client) history(path string) (events []historyEvent, next string) {
	c.t.Helper()
	r := c.want(http.StatusOK, http.MethodGet, path, "", acceptJSON)
	var document []struct{ Event historyEvent }
	require.NoError(c.t, json.Unmarshal([]byte(r.body), &document), r.body)
	for _, d := range document {
		events = append(events, d.Event)
	}
	link := r.header.Get("Link")
	if target, isNext := strings.CutSuffix(link, `>; rel="next"`); isNext {
		return events, strings.TrimPrefix(target, "<")
	}
	require.Empty(c.t, link)
	return events, ""
}

// The history has each event of the stream with the attributes of GET that it changed.
func TestAHistoryHasEachEventWithWhatItChanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	id, _, states := lifeOf(s.client, s.partner(t))
	stored := events(t, s.partner(t), "clients.default."+path(id)[len("/clients/"):])
	all, _ := s.history(path(id) + "/history")
	require.Len(t, all, len(states)+1)
	require.Len(t, stored, len(all))
	attributesOf := func(i int) map[string]any {
		var document struct{ Client map[string]any }
		if i >= 0 && i < len(states) {
			require.NoError(t, json.Unmarshal([]byte(states[i]), &document))
		}
		return document.Client
	}
	for i, e := range all {
		header := stored[i].header
		require.Equal(t, fmt.Sprint(i+1), fmt.Sprint(e.Version))
		require.EqualValues(t, stored[i].sequence, e.Sequence)
		require.Equal(t, header.Get("ce-type"), e.Type)
		require.Equal(t, header.Get("ce-actor"), e.Actor)
		require.Equal(t, header.Get("ce-correlationid"), *e.CorrelationID)
		require.Equal(t, header.Get("ce-causationid"), *e.CausationID)
		before, after := attributesOf(i-1), attributesOf(i)
		if after != nil {
			require.Equal(t, after["updated_at"], e.Time)
		}
		names := maps.Clone(before)
		if after != nil {
			names = maps.Clone(after)
		}
		for _, kept := range []string{"id", "cache_version", "created_at", "updated_at"} {
			delete(names, kept)
		}
		require.Greater(t, len(names), 7)
		for name := range names {
			change, changed := e.Changes[name]
			require.Equal(t, before[name] != after[name], changed, "%s of version %d", name, e.Version)
			if changed {
				require.Equal(t, before[name], change.Before)
				require.Equal(t, after[name], change.After)
			}
			delete(e.Changes, name)
		}
		require.Empty(t, e.Changes)
	}
}

func TestAHistoryInXML(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("A & B")
	s.want(http.StatusOK, http.MethodPut, path(id), `{"client":{"highrise_id":5,"details":"x"}}`, asJSON, "X-Request-Id: r1")
	body := s.want(http.StatusOK, http.MethodGet, path(id)+"/history?after=1", "").body
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>
<history type="array">
  <event>
    <version type="integer">2</version>
    <sequence type="integer">2</sequence>
    <type>clients.v1.ClientUpdated</type>
    <time type="datetime">`+s.attributes(id)["updated_at"].(string)+`</time>
    <actor>anonymous</actor>
    <correlation-id>r1</correlation-id>
    <causation-id>r1</causation-id>
    <changes>
      <highrise-id>
        <before nil="true"/>
        <after type="integer">5</after>
      </highrise-id>
      <details>
        <before></before>
        <after>x</after>
      </details>
    </changes>
  </event>
</history>
`, body)
	require.Equal(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<history type=\"array\">\n</history>\n",
		s.want(http.StatusOK, http.MethodGet, path(id)+"/history?after=2", "").body)
}

// What another service calls itself and its events can be read in every format, whatever its bytes.
func TestAHistoryCanBeReadWhateverOthersSend(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	a.invoice("InvoiceCreated", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, id), "ce-actor: a%FFb%00c", "ce-correlationid: d%0D%0Ae%EF%BF%BF", "ce-id: f%01")
	require.Contains(t, a.references(id), "1 invoice")
	var document struct {
		Event []struct {
			Actor         string `xml:"actor"`
			CorrelationID string `xml:"correlation-id"`
			CausationID   string `xml:"causation-id"`
		} `xml:"event"`
	}
	require.NoError(t, xml.Unmarshal([]byte(a.want(http.StatusOK, http.MethodGet, path(id)+"/history", "").body), &document))
	all, _ := a.history(path(id) + "/history")
	require.Equal(t, "a\uFFFDb\uFFFDc", all[1].Actor)
	require.Equal(t, "d\r\ne\uFFFD", *all[1].CorrelationID)
	require.Equal(t, "f\uFFFD", *all[1].CausationID)
	require.Equal(t, all[1].Actor, document.Event[1].Actor)
	require.Equal(t, *all[1].CorrelationID, document.Event[1].CorrelationID)
	require.Equal(t, *all[1].CausationID, document.Event[1].CausationID)
}

// Pages follow each other without a gap, whether their length or their size ends them.
func TestAHistoryHasPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	for i := range 24 {
		details := fmt.Sprintf(`{"client":{"details":"%d%s"}}`, i, strings.Repeat("x", 30_000))
		s.want(http.StatusOK, http.MethodPut, path(id), details, asJSON)
	}
	for path, next := range map[string]string{ // a target must not begin with two slashes, which name a host
		"//clients//%d//history?limit=1":   "/clients/%d/history?after=1&limit=1",
		"/clients/%d/history.json?limit=1": "/clients/%d/history.json?after=1&limit=1",
	} {
		r := s.want(http.StatusOK, http.MethodGet, fmt.Sprintf(path, id), "")
		require.Equal(t, "<"+fmt.Sprintf(next, id)+`>; rel="next"`, r.header.Get("Link"))
		s.want(http.StatusNotModified, http.MethodGet, fmt.Sprintf(path, id), "", "If-None-Match: "+r.tag())
	}
	last := path(id) + "/history?after=24&limit=1"
	tag := s.want(http.StatusOK, http.MethodGet, last, "").tag()
	s.want(http.StatusOK, http.MethodPost, togglePath(id), "")
	require.NotEqual(t, tag, s.want(http.StatusOK, http.MethodGet, last, "").tag(), "it has a next page now")
	for limit, pages := range map[string]int{"?limit=10": 5, "?limit=1": 26, "?limit=1000": 5, "": 5} {
		var versions []int64
		count := 0
		for next := path(id) + "/history" + limit; next != ""; count++ {
			var page []historyEvent
			page, next = s.history(next)
			for _, e := range page {
				versions = append(versions, e.Version)
			}
		}
		require.Len(t, versions, 26, limit)
		for i, version := range versions {
			require.EqualValues(t, i+1, version)
		}
		require.GreaterOrEqual(t, count, min(pages, 3), limit)
	}
}

func TestRefusalsOfHistory(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	for _, c := range []struct {
		path   string
		status int
	}{
		{path(id) + "/history?limit=0", http.StatusBadRequest},
		{path(id) + "/history?limit=1001", http.StatusBadRequest},
		{path(id) + "/history?limit=x", http.StatusBadRequest},
		{path(id) + "/history?after=-1", http.StatusBadRequest},
		{path(id) + "/history?after=99999999999999999999", http.StatusBadRequest},
		{path(id) + "/history?%zz", http.StatusBadRequest},
		{path(id+1) + "/history", http.StatusNotFound},
		{path(id) + "?version=0", http.StatusBadRequest},
		{path(id) + "?version=x", http.StatusBadRequest},
		{path(id) + "?version=", http.StatusBadRequest},
		{path(id) + "?version=2", http.StatusNotFound},
		{path(id+1) + "?version=1", http.StatusNotFound},
		{path(id) + "?as_of=yesterday", http.StatusBadRequest},
		{path(id) + "?as_of=", http.StatusBadRequest},
		{path(id) + "?as_of=2999-01-01", http.StatusBadRequest},
		{path(id) + "?as_of=2010-09-25", http.StatusNotFound},
		{path(id) + "?as_of=0001-01-01", http.StatusNotFound},
		{path(id+1) + "?as_of=2010-09-25", http.StatusNotFound},
		{path(id) + "?as_of=2010-09-25&version=1", http.StatusBadRequest},
		{"/clients?as_of=2010-09-25", http.StatusBadRequest},
		{"/clients?version=1", http.StatusBadRequest},
	} {
		r := s.want(c.status, http.MethodGet, c.path, "")
		require.NotEmpty(t, r.message(t))
		if c.status == http.StatusBadRequest {
			require.Equal(t, r.message(t), r.header.Get("Hint"))
		}
	}
	require.Equal(t, "GET, HEAD", s.want(http.StatusMethodNotAllowed, http.MethodPost, path(id)+"/history", "").header.Get("Allow"))
}
