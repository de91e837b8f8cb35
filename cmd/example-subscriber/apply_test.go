package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

const kit = "../../transport/contracts/conformance/"

type message struct {
	Sequence  uint64
	Timestamp string
	Subject   string
	Headers   map[string]string
	Data      string
}

func messages(t *testing.T, name string) (all []message) {
	t.Helper()
	content, err := os.ReadFile(kit + name)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		var m message
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		all = append(all, m)
	}
	return all
}

func (m message) applyTo(s *state) (bool, error) {
	header := nats.Header{}
	for name, value := range m.Headers {
		header[name] = []string{value}
	}
	return s.apply(m.Subject, header, m.Data, m.Timestamp[:len("2006-01-02T15:04:05")]+"Z")
}

func TestTheCopyIsThatOfTheConformanceKit(t *testing.T) {
	var want struct {
		Foreign  []uint64
		Accounts map[string][]map[string]json.RawMessage
	}
	content, err := os.ReadFile(kit + "clients.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &want))
	s := &state{Clients: make(map[string]map[string]json.RawMessage), Gone: make(map[string]bool)}
	var foreign []uint64
	for _, m := range messages(t, "messages.jsonl") {
		applied, err := m.applyTo(s)
		require.NoError(t, err, "sequence %d", m.Sequence)
		if !applied {
			foreign = append(foreign, m.Sequence)
		}
	}
	require.Equal(t, want.Foreign, foreign)
	clients := make(map[string]map[string]json.RawMessage) // of all accounts: their ids differ
	for _, account := range want.Accounts {
		for _, client := range account {
			clients[string(client["id"])] = client
		}
	}
	require.Len(t, s.Clients, len(clients))
	for id, client := range clients {
		for name, value := range client {
			require.JSONEq(t, string(value), string(s.Clients[id][name]), "%s of %s", name, id)
		}
	}
	for _, m := range messages(t, "damaged.jsonl") {
		if strings.Contains(m.Data, "of another account") || strings.Contains(m.Data, "never created") {
			continue // a copy of one account, which begins with a list, does not see that
		}
		_, err := m.applyTo(s)
		require.Error(t, err, "%s %s", m.Headers["ce-type"], m.Data)
	}
}
