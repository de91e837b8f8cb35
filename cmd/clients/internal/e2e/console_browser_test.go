//go:build browser

package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

const arabic = "شركة الأمل للتجارة والخدمات"

// Everything can be done with the keyboard, and each state has a URL.
func TestBrowserUsesTheConsoleWithTheKeyboard(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp <b>")
	a.update(id, "<name>SuprCorp International</name><details>123 Main St.</details>")
	a.want(200, "POST", togglePath(id), "")
	a.create("Other")
	p := a.openTab("/console/")
	p.shows("1–2 of 2", "Other", "Live")
	p.tabTo("Skip to the content")
	p.tabTo("q")
	p.press("intern")
	p.shows("1–1 of 1 that match, of 2 in all")
	require.Equal(t, "?q=intern", eval[string](p, "location.search"))
	require.Equal(t, "q", eval[string](p, "document.activeElement.name"), "the focus stays while the list changes")
	p.tabTo("active")
	p.press(kb.ArrowDown)
	p.shows("No client matches.")
	require.Equal(t, "?q=intern&active=yes", eval[string](p, "location.search"))
	p.press(kb.ArrowDown)
	p.shows("1–1 of 1")
	p.run(chromedp.Reload())
	p.shows("1–1 of 1 that match, of 2 in all")

	p.tabTo("SuprCorp International")
	p.press(kb.Enter)
	p.shows("All clients", "version 3", "Now", "by "+a.account)
	require.Equal(t, "/console"+path(id), eval[string](p, "location.pathname"))
	p.tabTo("Copy id")
	p.press(kb.Enter)
	p.shows("Copied")
	p.tabTo("as_of")
	p.tabTo("Updated version 2")
	p.press(kb.Enter)
	p.shows("As of version 2")
	require.Equal(t, "?version=2", eval[string](p, "location.search"))
	require.Contains(t, eval[string](p, "document.activeElement.innerText"), "Updated", "the focus stays on the timeline")
	require.Contains(t, eval[string](p, "document.querySelector('.state').innerText"), "active")
	p.tabTo("Created version 1")
	p.press(kb.Enter)
	p.shows("As of version 1")
	require.Equal(t, "SuprCorp <b>", eval[string](p, "document.querySelector('.state dd').innerText"))
	p.run(chromedp.NavigateBack())
	p.shows("As of version 2")
	p.open("/console" + path(id) + "?as_of=" + url.QueryEscape(time.Now().UTC().Format(time.RFC3339)))
	p.shows("As of version 3")
	require.NotEmpty(t, eval[string](p, "document.querySelector('[name=as_of]').value"))
	p.tabTo("Show the present state")
	p.press(kb.Enter)
	p.shows("Now")
	require.Empty(t, eval[string](p, "document.querySelector('[name=as_of]').value"))
	require.Equal(t, "Now", eval[string](p, "document.getElementById('news').textContent"), "for screen readers")
	require.Empty(t, p.takeProblems())
}

// A page shows what has happened, also to clients that are gone, while the server restarts, and after the history was replaced.
func TestBrowserFollowsTheFeed(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_HTTP_ADDR="+natstest.FreeAddress(t)) // the same after a restart
	id := s.create("Followed")
	p := s.openTab("/console/")
	p.shows("Followed", "Live")
	gone := s.create("Short-lived")
	p.shows("1–2 of 2", fmt.Sprintf("Last change: created, client %d", gone))
	s.want(200, "DELETE", path(gone), "")
	p.shows("1–1 of 1", fmt.Sprintf("Last change: deleted, client %d", gone))
	p.run(chromedp.Click(chromedp.CSS("#news a")))
	p.shows("Deleted on", "Before the deletion", "Short-lived", "Created")
	p.open("/console" + path(id))
	p.shows("Live", "version 1")
	s.create("Another") // which the page does not concern
	s.update(id, "<name>Renamed</name>")
	p.shows("version 2", "Renamed")
	require.Equal(t, "Renamed – Client "+strconv.FormatInt(id, 10), eval[string](p, "document.title"))
	p.do("getSelection().selectAllChildren(document.querySelector('h1'))")
	s.update(id, "<name>Again</name>")
	p.do("new Promise(done => setTimeout(done, 500))")
	require.Equal(t, "Renamed", eval[string](p, "getSelection().toString().trim()"), "what is selected stays")
	p.do("getSelection().empty()")
	p.shows("version 3")
	p.open("/console/")
	var stop atomic.Bool
	var writing sync.WaitGroup
	writing.Go(func() {
		for !stop.Load() {
			_, _ = s.send(http.MethodPost, "/clients", `{"client":{"name":"x"}}`, asJSON)
		}
	})
	for range 3 { // the page does not wait for the end of a burst
		shown := eval[string](p, "document.querySelector('.count').innerText")
		eventually(t, func() bool { return eval[string](p, "document.querySelector('.count').innerText") != shown }, "the list grows")
	}
	stop.Store(true)
	writing.Wait()
	p.open("/console" + path(id))
	p.shows("Live")
	require.Empty(t, p.takeProblems())

	require.Zero(t, s.stop(t))
	p.shows("Connection lost. Reconnecting")
	s = s.restart(t)
	s.update(id, "<name>After the restart</name>")
	p.shows("version 4", "Live")
	s.printedEpoch(t, "--new")
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	p.shows("Live")
	s.update(id, "<name>In another epoch</name>")
	p.shows("version 5")
}

// A browser's EventSource gets every event once, while three replicas are restarted one after the other.
func TestBrowserResumesAFeedDuringARollingUpdate(t *testing.T) {
	t.Parallel()
	replicas := startReplicas(t, 3, natstest.Run(t, 3).URL())
	var current atomic.Pointer[service]
	current.Store(replicas[0])
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		to, _ := url.Parse(current.Load().base)
		r.SetURL(to)
	}})
	t.Cleanup(proxy.Close)
	p := replicas[0].at(proxy.URL).openTab("/console/")
	p.do(`window.got = [], source = new EventSource('/clients/feed?after=0'),
		source.addEventListener('clients.v1.ClientCreated', e => got.push(e.lastEventId))`)
	count := func() int { return eval[int](p, "got.length") }
	var stop atomic.Bool
	var writing sync.WaitGroup
	writing.Go(func() {
		for !stop.Load() {
			_, _ = replicas[2].send(http.MethodPost, "/clients", `{"client":{"name":"x"}}`, asJSON)
		}
	})
	for i := range 2 {
		before := count()
		eventually(t, func() bool { return count() > before+20 }, "events arrive")
		current.Store(replicas[i+1])
		require.Zero(t, replicas[i].stop(t))
	}
	before := count()
	eventually(t, func() bool { return count() > before+20 }, "events arrive")
	stop.Store(true)
	writing.Wait()
	var want []string
	for _, e := range events(t, replicas[2].partner(t), "clients.>") {
		want = append(want, fmt.Sprint(e.sequence))
	}
	eventually(t, func() bool { return count() >= len(want) }, "all events arrive")
	require.Equal(t, strings.Join(want, " "), eval[string](p, "got.map(id => id.split('-')[0]).join(' ')"))
}

// Tabs that are not shown have no feed, and show what they have missed when they are.
func TestBrowserHasAFeedForTheTabThatIsShown(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_FEED_LIMIT=2")
	id := s.create("Followed")
	tabs := []*tab{s.openTab("/console/")}
	for range 7 {
		tabs = append(tabs, tabs[0].another(s.client, "/console"+path(id)))
	}
	open := func() bool { return s.metric("clients_feeds") == 1 }
	eventually(t, open, "one feed is open")
	s.update(id, "<name>Renamed</name>")
	tabs[7].shows("version 2")
	require.NotContains(t, tabs[3].text(), "version 2")
	tabs[3].show()
	tabs[3].shows("version 2", "Live")
	eventually(t, open, "one feed is open")
	tabs[0].show()
	tabs[0].shows("Renamed", "Live")
	for _, p := range tabs {
		require.Empty(t, p.takeProblems())
	}
}

// Windows that are all shown leave connections of the browser free, so that pages load: those without a feed poll.
func TestBrowserLoadsPagesInManyWindows(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("Followed")
	first := s.openTab("/console/")
	windows := []*tab{first}
	for range 8 {
		windows = append(windows, first.window(s.client, "/console"+path(id)))
	}
	windows[8].shows("Not live: four other windows are live.")
	require.Equal(t, 4.0, s.metric("clients_feeds"))
	s.update(id, "<name>Renamed</name>")
	for _, p := range windows {
		p.shows("Renamed")
		require.Empty(t, p.takeProblems())
	}
	windows[1].close()
	eventually(t, func() bool {
		live := 0
		for i, p := range windows {
			if i != 1 && eval[string](p, "document.getElementById('feed').className") == "live" {
				live++
			}
		}
		return live == 4
	}, "another window takes the place")
}

// A page says why it is not live: too many feeds, and a login that is gone.
func TestBrowserShowsWhatIsWrong(t *testing.T) {
	t.Parallel()
	ann := htpasswd(t, 4, "ann:right")
	secret := newSecret(t, files{"shop.htpasswd": ann})
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+secret.dir, "CLIENTS_FEED_LIMIT=1")
	c := s.as("ann:right")
	f := c.openFeed("")
	p := c.openTab("/console/")
	p.shows("Too many feeds of this user are open: the limit is 1.", "Trying again in", "account shop, user ann")
	f.close()
	p.shows("Live")
	secret.swap(files{"shop.htpasswd": htpasswd(t, 4, "bob:right")})
	p.shows("Not live: the feed has ended")
}

// axe finds nothing on any page, in light and dark, wide and narrow; and no page is wider than the window.
func TestBrowserFindsNoViolations(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(filepath.Join(*axe, "node_modules/axe-core/axe.min.js"))
	require.NoError(t, err, "-axe=DIR")
	a, empty := shared(t), shared(t)
	id := a.create("SuprCorp International")
	a.update(id, "<currency>Euro - EUR</currency><details>123 Main St.\nSpringfield\n"+strings.Repeat("long details ", 60)+"</details><highrise-id>77</highrise-id>")
	a.want(200, "POST", togglePath(id), "")
	rtl, long, gone := a.create(arabic), a.create(strings.Repeat("W", 255)), a.create("Gone")
	a.update(rtl, "<details>القاهرة، مصر\n12 Main St.</details>")
	a.update(long, "<name>"+strings.Repeat("long name ", 25)+"</name>")
	a.want(200, "DELETE", path(gone), "")
	for i := range 60 {
		a.create("Client " + strconv.Itoa(i))
	}
	p, none := a.openTab("/console/"), empty.openTab("/console/")
	for name, shown := range map[string]struct {
		tab  *tab
		path string
	}{
		"list": {p, "/console/"}, "found": {p, "/console/?q=corp&active=no"}, "nothing": {p, "/console/?q=999999999"}, "empty": {none, "/console/"},
		"client": {p, "/console" + path(id)}, "version": {p, "/console" + path(id) + "?version=2"}, "no-version": {p, "/console" + path(id) + "?version=9"},
		"rtl": {p, "/console" + path(rtl)}, "long": {p, "/console" + path(long)}, "deleted": {p, "/console" + path(gone)}, "unknown": {p, "/console/clients/999999999"},
	} {
		shown.tab.open(shown.path)
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 360} {
				look := fmt.Sprintf("%s-%s-%d", name, scheme, width)
				shown.tab.look(scheme, width)
				shown.tab.do(string(script))
				found := eval[string](shown.tab, "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; ')).join('\\n'))")
				require.Empty(t, found, look)
				require.LessOrEqual(t, eval[int64](shown.tab, "document.documentElement.scrollWidth"), width, look)
				shown.tab.screenshot(look)
			}
		}
		for _, problem := range shown.tab.takeProblems() {
			require.Contains(t, problem, "status of 404", name)
		}
	}
	p.do("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))")
	eventually(t, func() bool { return strings.Contains(strings.Join(p.takeProblems(), " "), "Content Security Policy") }, "a violation is noticed")
	require.Equal(t, "undefined", eval[string](p, "typeof window.ran"))
	p.open("/console" + path(rtl))
	require.Equal(t, "rtl", eval[string](p, "getComputedStyle(document.querySelector('h1')).direction"))
}
