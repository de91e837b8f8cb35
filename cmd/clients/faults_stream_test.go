package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// storedOnce reads the whole stream, which has to hold no event twice and each client's without a gap, and what a
// request has led to once at most. It answers how many events each request has led to.
func (s *site) storedOnce() map[string]int {
	s.t.Helper()
	events := s.readOn()
	views := rebuild(s.t, events) // versions follow on each other
	ids, requests := map[string]bool{}, map[string]int{}
	for _, e := range events {
		id := e.header.Get("ce-id")
		require.False(s.t, ids[id], "event %s is stored twice", id)
		ids[id] = true
		requests[e.header.Get("ce-correlationid")]++
	}
	for request, count := range requests {
		assert.Equal(s.t, 1, count, request)
	}
	for _, r := range s.replicas {
		listed := r.running.Load().list("")
		assert.Len(s.t, listed, len(views), r.name)
		for _, v := range listed {
			v.CreatedAt, v.UpdatedAt = views[v.ID].CreatedAt, views[v.ID].UpdatedAt // which are folded across clients
			assert.Equal(s.t, views[v.ID], v, r.name)
		}
	}
	return requests
}

// readOn reads what has come into the stream on clients.>, from its leader, and answers everything that is there.
func (s *site) readOn() []message {
	s.t.Helper()
	var end struct {
		State struct {
			Last uint64 `json:"last_seq"`
		} `json:"state"`
	}
	s.ask("STREAM.INFO.CLIENTS", "", &end)
	for s.read < end.State.Last {
		var stored struct {
			Message *struct {
				Subject string    `json:"subject"`
				Header  []byte    `json:"hdrs"`
				Data    []byte    `json:"data"`
				Time    time.Time `json:"time"`
			} `json:"message"`
		}
		s.ask("STREAM.MSG.GET.CLIENTS", fmt.Sprintf(`{"seq":%d}`, s.read+1), &stored)
		require.NotNil(s.t, stored.Message, "sequence %d", s.read+1)
		s.read++
		if m := stored.Message; strings.HasPrefix(m.Subject, "clients.") {
			header, err := nats.DecodeHeadersMsg(m.Header)
			require.NoError(s.t, err)
			s.events = append(s.events, message{m.Subject, header, string(m.Data), s.read, m.Time})
		}
	}
	return s.events
}

// ask puts a question to the leader until it has answered.
func (s *site) ask(call, question string, answer any) {
	s.t.Helper()
	eventually(s.t, call, func() bool {
		reply, err := s.nc.Request("$JS.API."+call, []byte(question), time.Second)
		return err == nil && !strings.Contains(string(reply.Data), `"error"`) && json.Unmarshal(reply.Data, answer) == nil
	})
}

// requireStored holds what callers were told against the stream: what was answered is there, and what was refused is not.
func requireStored(t *testing.T, history []operation, stored map[string]int) {
	t.Helper()
	for _, o := range history {
		switch {
		case o.kind == "get", !o.known():
		case o.status < 300:
			assert.Equal(t, 1, stored[o.request], "%+v", o)
		default:
			assert.Zero(t, stored[o.request], "%+v", o)
		}
	}
}

// staleness is how much older than it may be a read was at worst, of those that do not say so: the time from when the
// first change that it does not show was answered to when it was asked. It answers the history without those of such reads
// that were asked from one moment to another, when there may have been two leaders.
func staleness(history []operation, from, to time.Duration) (worst time.Duration, count int, others []operation) {
	type change struct {
		answered time.Duration
		version  uint64
	}
	changes := map[int64][]change{}
	for _, o := range history {
		if o.kind != "get" && o.status/100 == 2 && o.tag != "" {
			changes[o.client] = append(changes[o.client], change{o.ended, versionOf(o.tag)})
		}
	}
	for _, o := range history {
		if o.kind != "get" || o.status != 200 || o.stale {
			others = append(others, o)
			continue
		}
		missed := slices.DeleteFunc(slices.Clone(changes[o.client]), func(c change) bool {
			return c.answered >= o.called || c.version <= o.seen.CacheVersion+1
		})
		if len(missed) == 0 {
			others = append(others, o)
			continue
		}
		if o.ended < from || o.called > to {
			others = append(others, o)
		}
		count++
		for _, c := range missed {
			worst = max(worst, o.called-c.answered)
		}
	}
	return worst, count, others
}
