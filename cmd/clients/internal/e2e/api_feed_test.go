package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	sdk "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/require"
)

// Each event comes as it was stored, and those of other accounts never.
func TestAFeedHasTheEventsOfItsAccount(t *testing.T) {
	t.Parallel()
	a, other := shared(t), shared(t)
	f := a.openFeed("", "Accept-Encoding: gzip")
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Encoding": "", "Content-Length": "",
	} {
		require.Equal(t, want, f.response.Header.Get(name), name)
	}
	other.create("Theirs")
	id := a.create("SuprCorp <b>\"é\"</b>", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	other.want(http.StatusOK, http.MethodPost, togglePath(other.create("Theirs")), "")
	a.update(id, "<details>a\nb\r\nc\u2028d</details>")
	a.want(http.StatusOK, http.MethodPost, togglePath(id), "")
	a.want(http.StatusOK, http.MethodDelete, path(id), "")
	stored := a.events()
	got := f.take(len(stored))
	requireSame(t, stored, got)
	epoch := a.want(http.StatusOK, http.MethodGet, "/clients", "").header.Get("Stream-Epoch")
	for i, e := range got {
		header := stored[i].header
		require.Equal(t, fmt.Sprintf("%d-%s", stored[i].sequence, epoch), e.id)
		require.Equal(t, header.Get("ce-type"), e.kind)
		var decoded sdk.Event
		require.NoError(t, json.Unmarshal([]byte(e.data), &decoded), e.data)
		require.NoError(t, decoded.Validate())
		require.Equal(t, stored[i].data, string(decoded.Data()))
		require.Equal(t, "application/json", decoded.DataContentType())
		attributes := fields(t, e.data)
		for name := range header {
			if attribute, ok := strings.CutPrefix(name, "ce-"); ok || name == "traceparent" {
				require.Equal(t, header.Get(name), attributes[attribute], "%s: %s", name, e.data)
			}
		}
	}
}

// A feed that was interrupted continues behind any event, however its position is given.
func TestAFeedContinuesWhereItsReaderWas(t *testing.T) {
	t.Parallel()
	a := shared(t)
	for i := range 10 {
		a.create("Client " + strconv.Itoa(i))
	}
	stored := a.events()
	id := func(i int) string { return a.openFeed("?after=0").take(i + 1)[i].id }
	for name, open := range map[string]func() *feed{
		"the id":                   func() *feed { return a.openFeed("", "Last-Event-ID: "+id(3)) },
		"after the id":             func() *feed { return a.openFeed("?after=" + id(3)) },
		"after the sequence":       func() *feed { return a.openFeed(fmt.Sprint("?after=", stored[3].sequence)) },
		"the id before after":      func() *feed { return a.openFeed("?after=0", "Last-Event-ID: "+id(3)) },
		"after an event elsewhere": func() *feed { return a.openFeed(fmt.Sprint("?after=", stored[4].sequence-1)) },
	} {
		f := open()
		requireSame(t, stored[4:], f.take(len(stored)-4))
		f.close()
		again := a.openFeed("", "Last-Event-ID: "+f.lastID)
		a.create(name)
		require.Contains(t, again.take(1)[0].data, name)
		stored = a.events()
		again.close()
	}

	quiet := a.openFeed("") // it has a position before the first event
	quiet.lines.Scan()
	quiet.lines.Scan()
	position, _ := strings.CutPrefix(quiet.lines.Text(), "id: ")
	quiet.close()
	a.create("In between")
	require.Contains(t, a.openFeed("", "Last-Event-ID: "+position).take(1)[0].data, "In between")
}

func TestAServiceCanHaveNoFeeds(t *testing.T) {
	t.Parallel()
	refused := start(t, "CLIENTS_FEED_LIMIT=0").want(http.StatusServiceUnavailable, http.MethodGet, "/clients/feed", "", acceptJSON)
	require.Equal(t, []string{"This service has no feeds.", "3600"}, []string{refused.message(t), refused.header.Get("Retry-After")})
}

func TestAFeedIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_FEED_LIMIT=2")
	s.create("SuprCorp")
	epoch := s.epoch()
	for query, status := range map[string]int{
		"?after=x": 400, "?after=-1": 400, "?after=1-": 400, "?after=": 400, "?after=1.5": 400, "?after=99999999999999999999": 400, "?%": 400,
		"?after=99": 410, "?after=9223372036854775807": 410, "?after=0-other": 410, "?after=99-" + epoch: 410,
	} {
		got := s.want(status, http.MethodGet, "/clients/feed"+query, "", acceptJSON)
		require.NotEmpty(t, got.message(t))
	}
	s.want(410, http.MethodGet, "/clients/feed?after=0", "", "Last-Event-ID: 1-other")
	s.want(410, http.MethodHead, "/clients/feed?after=99", "")
	head := s.want(200, http.MethodHead, "/clients/feed", "")
	require.Equal(t, "text/event-stream", head.header.Get("Content-Type"))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		require.Equal(t, "GET, HEAD", s.want(405, method, "/clients/feed", "").header.Get("Allow"))
	}
	first := s.openFeed("")
	second := s.openFeed("?after=1-" + epoch)
	refused := s.want(503, http.MethodGet, "/clients/feed", "", acceptJSON)
	require.Contains(t, refused.message(t), "the limit is 2")
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	require.Equal(t, 2.0, s.metric("clients_feeds"))
	first.close()
	eventually(t, func() bool {
		f, err := s.tryFeed("")
		return err == nil && f.response.StatusCode == http.StatusOK
	}, "a feed that ends makes room for another")
	s.printedEpoch(t, "--new")
	second.requireEnd(10 * time.Second)
	require.NoError(t, second.lines.Err(), "the response is complete")
	s.want(410, http.MethodGet, "/clients/feed", "", "Last-Event-ID: 1-"+epoch)
}

// A feed ends cleanly and soon when the service stops, and when its user loses access. Other users keep theirs.
func TestAFeedEndsWithTheServiceAndWithItsUser(t *testing.T) {
	t.Parallel()
	ann, bob := htpasswd(t, 4, "ann:right"), htpasswd(t, 4, "bob:right")
	secret := newSecret(t, files{"shop.htpasswd": ann + bob})
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+secret.dir)
	anns, bobs := s.as("ann:right").openFeed(""), s.as("bob:right").openFeed("")
	secret.swap(files{"shop.htpasswd": bob})
	anns.requireEnd(20 * time.Second)
	s.as("bob:right").create("SuprCorp")
	require.Contains(t, bobs.take(1)[0].data, "SuprCorp")
	require.Equal(t, 1.0, s.metric("clients_feeds"))
	begun := time.Now()
	require.Zero(t, s.stop(t))
	require.Less(t, time.Since(begun), 10*time.Second)
	bobs.requireEnd(10 * time.Second)
	require.NoError(t, bobs.lines.Err(), "the response is complete")
}

// Readers that begin anywhere, while events are stored, first read the stream and then get what is new, without a gap.
func TestFeedsChangeFromTheStreamToNewEvents(t *testing.T) {
	t.Parallel()
	const total, readers = 10_000, 5
	s := start(t)
	var made atomic.Int64
	var reading sync.WaitGroup
	got := make([][]feedEvent, readers)
	begin := func(i int) {
		f := s.openFeed("?after=" + strconv.Itoa(i))
		reading.Go(func() {
			for len(got[i]) < total-i {
				e, ok := f.next()
				if !ok {
					t.Errorf("feed %d has ended after %d events: %v", i, len(got[i]), f.lines.Err())
					return
				}
				got[i] = append(got[i], e)
			}
		})
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		s.together(total, func(i int) (response, error) {
			defer made.Add(1)
			return s.send(http.MethodPost, "/clients", `{"client":{"name":"`+strconv.Itoa(i)+`"}}`, asJSON)
		})
	})
	for i := range readers {
		eventually(t, func() bool { return made.Load() > int64(i*total/(readers+2)) }, "events are stored")
		begin(i)
	}
	writing.Wait()
	reading.Wait()
	require.Equal(t, uint64(total), lastSequence(t, s.partner(t)), "the stream holds nothing else")
	for i, events := range got {
		require.Len(t, events, total-i)
		for n, e := range events {
			require.Equal(t, uint64(i+n+1), e.sequence(t))
		}
	}
}

// A reader, and a writer, go from one replica to the next while each of them is restarted in turn.
func TestAFeedContinuesOnAnotherReplica(t *testing.T) {
	t.Parallel()
	replicas := startReplicas(t, 3, natstest.Run(t, 3).URL())
	var next atomic.Pointer[service]
	next.Store(replicas[1])
	var stop atomic.Bool
	var writing sync.WaitGroup
	writing.Go(func() {
		for !stop.Load() {
			_, _ = next.Load().send(http.MethodPost, "/clients", `{"client":{"name":"x"}}`, asJSON)
		}
	})
	js := replicas[0].partner(t)
	f := replicas[0].openFeed("?after=0")
	var got []feedEvent
	read := func(least int) {
		for range least {
			if e, ok := f.next(); ok {
				got = append(got, e)
			} else {
				return
			}
		}
	}
	for i := range replicas {
		read(50)
		next.Store(replicas[(i+1)%len(replicas)])
		require.Zero(t, replicas[i].stop(t))
		for e, ok := f.next(); ok; e, ok = f.next() { // to its end
			got = append(got, e)
		}
		f = next.Load().openFeed("", "Last-Event-ID: "+f.lastID)
		replicas[i] = replicas[i].again(t)
	}
	read(50)
	stop.Store(true)
	writing.Wait()
	stored := events(t, js, "clients.>")
	for got[len(got)-1].sequence(t) < stored[len(stored)-1].sequence {
		got = append(got, f.take(1)...)
	}
	requireSame(t, stored, got)
}

// A reader that stops reading is disconnected. It delays neither writes nor other readers.
func TestAReaderThatStopsReadingIsDisconnected(t *testing.T) {
	t.Parallel()
	s := start(t)
	stuck := dial(t, s.base)
	stuck.write("GET /clients/feed HTTP/1.1\r\nHost: localhost\r\n\r\n")
	eventually(t, func() bool { return s.metric("clients_feeds") == 1 }, "the feed is open")
	f := s.openFeed("")
	body := jsonOf(t, map[string]any{"client": map[string]any{"name": "x", "details": strings.Repeat("x", 60_000)}})
	const n = 150
	var slowest atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.together(n, func(int) (response, error) {
			begun := time.Now()
			r, err := s.send(http.MethodPost, "/clients", body, asJSON)
			slowest.Store(max(slowest.Load(), int64(time.Since(begun))))
			return r, err
		})
	}()
	f.take(n)
	<-done
	require.Less(t, time.Duration(slowest.Load()), 5*time.Second)
	eventually(t, func() bool { return s.metric("clients_feeds_too_slow_total") == 1 && s.metric("clients_feeds") == 1 }, "the reader is disconnected")
}

// A feed takes at most 64 KiB, and its reader gets every event.
func TestAThousandFeeds(t *testing.T) {
	t.Parallel()
	const users, each = 100, 10
	var lines strings.Builder
	hash, _ := strings.CutPrefix(htpasswd(t, 4, "u:right"), "u")
	for i := range users {
		fmt.Fprintf(&lines, "u%d%s", i, hash)
	}
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+newSecret(t, files{"shop.htpasswd": lines.String()}).dir)
	s.as("u0:right").create("first")
	memory := func() float64 {
		return s.metric("go_memstats_heap_inuse_bytes") + s.metric("go_memstats_stack_inuse_bytes")
	}
	before := memory()
	var feeds []*feed
	for i := range users * each {
		feeds = append(feeds, s.as(fmt.Sprintf("u%d:right", i%users)).openFeed(""))
	}
	require.Equal(t, float64(users*each), s.metric("clients_feeds"))
	const written = 20
	for i := range written {
		s.as("u0:right").create(strconv.Itoa(i))
	}
	for _, f := range feeds {
		f.take(written)
	}
	used := (memory() - before) / (users * each)
	t.Logf("%.0f bytes per feed", used)
	if !raceEnabled {
		require.Less(t, used, 64.0*1024)
	}
}
