package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
)

// modelled is a client as one caller after the other would see it.
type modelled struct {
	exists  bool
	version uint64
	name    string
	active  bool
	tag     string // "" as long as nobody was told
}

// modelOfAClient is the service, for one client: each operation happens at one moment, on what was left by the one
// before it.
func modelOfAClient() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return modelled{} },
		Step: func(state, input, _ any) (bool, any) { return state.(modelled).step(input.(operation)) },
		DescribeOperation: func(input, _ any) string {
			o := input.(operation)
			return fmt.Sprintf("%s %s if %s: %d %s", o.kind, o.name, o.ifMatch, o.status, o.tag)
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
	}
}

// step tells whether an operation could end as it did, and what it leaves. One whose outcome is not known may have
// found the client in any state.
func (m modelled) step(o operation) (bool, modelled) {
	matches := o.ifMatch == "" || o.ifMatch == m.tag || m.tag == "" && versionOf(o.ifMatch) == m.version
	switch {
	case !o.known():
		if m.exists && matches {
			return true, m.after(o)
		}
		return true, m
	case o.kind == "create":
		return !m.exists && m.version == 0 && o.status == 201, m.after(o)
	case o.status == 404:
		return !m.exists, m
	case o.status == 412:
		return m.exists && !matches, m
	case !m.exists || o.status != 200:
		return false, m
	case o.kind == "get":
		same := o.seen.CacheVersion+1 == m.version && o.seen.Name == m.name && o.seen.Active == m.active
		known := m.tag == "" || m.tag == o.tag
		m.tag = o.tag
		return same && known, m
	}
	next := m.after(o)
	return matches && (o.kind == "delete" || versionOf(o.tag) == next.version), next
}

// after is what an operation leaves that was carried out.
func (m modelled) after(o operation) modelled {
	m.version++
	m.tag = o.tag
	switch o.kind {
	case "create":
		m.exists, m.name, m.active = true, o.name, true
	case "update":
		m.name = o.name
	case "toggle":
		m.active = !m.active
	case "delete":
		m.exists = false
	}
	return m
}

// versionOf is the version that a tag begins with.
func versionOf(tag string) uint64 {
	digits, _, _ := strings.Cut(strings.TrimPrefix(tag, `"`), "-")
	version, _ := strconv.ParseUint(digits, 16, 64)
	return version
}

// requireLinearizable checks the history of each client. What was answered with a warning is set aside, and so is an
// operation without an answer that has left nothing in the stream; one that has may have happened at any time from when
// it was sent.
func requireLinearizable(t *testing.T, history []operation, stored map[string]int) {
	t.Helper()
	var end time.Duration
	clients := map[int64][]porcupine.Operation{}
	for _, o := range history {
		end = max(end, o.ended)
	}
	for _, o := range history {
		if o.stale || !o.known() && stored[o.request] == 0 {
			continue
		}
		ended := o.ended
		if !o.known() {
			ended, o.tag = end+1, ""
		}
		clients[o.client] = append(clients[o.client], porcupine.Operation{
			ClientId: o.caller, Input: o, Call: int64(o.called), Return: int64(ended),
		})
	}
	for id, operations := range clients {
		result, info := porcupine.CheckOperationsVerbose(modelOfAClient(), operations, time.Minute)
		if !assert.Equal(t, porcupine.Ok, result, "client %d: %d operations", id, len(operations)) {
			t.Log(stuck(operations, info))
		}
	}
	t.Logf("%d operations on %d clients are linearizable", len(history), len(clients))
}

// stuck tells what surrounds the first operation that fits nowhere.
func stuck(operations []porcupine.Operation, info porcupine.LinearizationInfo) string {
	longest := []int{}
	for _, partial := range info.PartialLinearizations()[0] {
		if len(partial) > len(longest) {
			longest = partial
		}
	}
	var told strings.Builder
	state, fits := modelled{}, map[int]bool{}
	for _, i := range longest {
		_, state = state.step(operations[i].Input.(operation))
		fits[i] = true
	}
	fmt.Fprintf(&told, "state %+v\n", state)
	shown := 0
	for i, o := range operations {
		if !fits[i] && shown < 10 {
			shown++
			fmt.Fprintf(&told, "does not fit: %+v\n", o.Input)
		}
	}
	return told.String()
}
