package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Concurrent commands on one client are decided one after the other: none is lost, none counts twice.
func TestConcurrentTogglesAllCount(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	const callers, each = 12, 7
	tags := make(chan string, callers*each)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				if got, _ := a.send("POST", togglePath(id), ""); got.status == 200 {
					tags <- got.tag()
				}
			}
		})
	}
	all.Wait()
	close(tags)
	seen := map[string]bool{}
	for tag := range tags {
		seen[tag] = true
	}
	require.Len(t, seen, callers*each, "each led to a revision of its own")
	v := a.get(id)
	require.Equal(t, uint64(callers*each), v.CacheVersion)
	require.Equal(t, callers*each%2 == 0, v.Active)
}

// A client is deleted once, however many want to.
func TestConcurrentDeletesHaveOneWinner(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	last := a.tap().lastSequence()
	statuses := make([]int, 10)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			got, _ := a.send("DELETE", path(id), "")
			statuses[i] = got.status
		})
	}
	all.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	require.Equal(t, map[int]int{200: 1, 404: 9}, count)
	require.Equal(t, last+1, a.tap().lastSequence())
}

// Who has been answered sees his own write, at once and whatever others do meanwhile.
func TestConcurrentWritersReadTheirOwnWrites(t *testing.T) {
	t.Parallel()
	a := launch(t)
	faults := make(chan string, 1000)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			created, err := a.send("POST", "/clients", newClient, asXML)
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
					faults <- fmt.Sprintf("%s: answered %d %s, read %s", text, put.status, put.tag(), got.tag())
				}
				for _, seen := range []answer{got, listed} {
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
