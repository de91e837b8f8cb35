package e2e_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Concurrent commands on one client are executed one after the other: none is lost or counts twice.
func TestConcurrentTogglesAllCount(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	const toggles = 84
	tags := make(map[string]bool)
	for _, r := range a.together(toggles, func(int) (response, error) { return a.send("POST", togglePath(id), "") }) {
		require.Equal(t, 200, r.status)
		tags[r.tag()] = true
	}
	require.Len(t, tags, toggles, "each led to a version of its own")
	v := a.get(id)
	require.Equal(t, uint64(toggles), v.CacheVersion)
	require.True(t, v.Active)
}

func TestConcurrentDeletesHaveOneWinner(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	responses := a.together(10, func(int) (response, error) { return a.send("DELETE", path(id), "") })
	require.Equal(t, map[int]int{200: 1, 404: 9}, countStatuses(responses))
	require.Len(t, a.events(), 2)
}

func TestOneOfManyConditionalUpdatesSucceeds(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	tag := a.want(200, "GET", path(id), "").tag()
	responses := a.together(16, func(int) (response, error) { return a.send("POST", togglePath(id), "", "If-Match: "+tag) })
	require.Equal(t, map[int]int{200: 1, 412: 15}, countStatuses(responses))
	require.Equal(t, uint64(1), a.get(id).CacheVersion)
}

// A caller that received a response reads its own write at once, whatever others do meanwhile.
func TestConcurrentWritersReadTheirOwnWrites(t *testing.T) {
	t.Parallel()
	a := shared(t)
	faults := make(chan string, 1000)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			created, err := a.send("POST", "/clients", suprCorp, asXML)
			if err != nil || created.status != 201 {
				faults <- fmt.Sprint(created.status, err)
				return
			}
			p := created.header.Get("Location")
			for j := range 10 {
				text := fmt.Sprintf("writer %d, change %d", i, j)
				put, _ := a.send("PUT", p, "<client><details>"+text+"</details></client>", asXML)
				got, _ := a.send("GET", p, "")
				listed, _ := a.send("GET", "/clients", "")
				if put.status != 200 || got.tag() != put.tag() {
					faults <- fmt.Sprintf("%s: %d %s, read %s", text, put.status, put.tag(), got.tag())
				}
				for _, seen := range []response{got, listed} {
					if seen.header.Get("Warning") != "" || !strings.Contains(seen.body, "<details>"+text+"</details>") {
						faults <- text + " is not there: " + seen.body
					}
				}
			}
		})
	}
	all.Wait()
	close(faults)
	for fault := range faults {
		require.Fail(t, fault)
	}
}

func TestConcurrentCreationsHaveDifferentIDs(t *testing.T) {
	t.Parallel()
	a := shared(t)
	const creations = 320
	ids := make(map[int64]bool)
	for _, r := range a.together(creations, func(int) (response, error) { return a.send("POST", "/clients", suprCorp, asXML) }) {
		ids[r.id(t)] = true
	}
	require.Len(t, ids, creations)
	require.Len(t, a.list(""), creations)
	last := int64(0)
	for range 250 { // more than the ids that are reserved at once
		id := a.create("SuprCorp")
		require.Greater(t, id, last)
		last = id
	}
}
