package e2e_test

import (
	"bytes"
	little "encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

var updateKit = flag.Bool("update-kit", false, "record transport/contracts/conformance anew")

// kitFolder is the conformance kit: see its check.py.
const kitFolder = "transport/contracts/conformance/"

// kitMessage is a line of the kit's messages.
type kitMessage struct {
	Sequence  uint64            `json:"sequence"`
	Timestamp string            `json:"timestamp"`
	Subject   string            `json:"subject"`
	Headers   map[string]string `json:"headers"`
	Data      string            `json:"data"`
}

// kitResult is what a reader of the kit's messages has to find.
type kitResult struct {
	Foreign  []uint64                    `json:"foreign"`
	Accounts map[string][]map[string]any `json:"accounts"`
}

// The kit's messages give the kit's clients in the service, to the second of each time, and the service stops at each of the
// damaged ones. `go test ./cmd/clients/internal/e2e -run Kit -update-kit` records it anew.
func TestTheConformanceKitIsWhatTheServiceMakesOfIt(t *testing.T) {
	t.Parallel()
	if *updateKit {
		messages, damaged := recordKit(t)
		writeKit(t, "messages.jsonl", messages)
		writeKit(t, "damaged.jsonl", damaged)
	}
	messages := readKit(t, "messages.jsonl")
	s, strays := loadKit(t, messages)
	got := kitResult{Foreign: strays, Accounts: make(map[string][]map[string]any)}
	for _, account := range kitAccounts {
		got.Accounts[account] = s.as(account + ":right").kitClients()
	}
	content, err := json.MarshalIndent(got, "", "\t")
	require.NoError(t, err)
	if *updateKit {
		require.NoError(t, os.WriteFile(filepath.Join(root, kitFolder, "clients.json"), append(content, '\n'), 0o644))
	}
	require.Equal(t, readFile(t, kitFolder+"clients.json"), string(content)+"\n")

	js := s.administrator(t)
	var want []fault
	for _, m := range readKit(t, "damaged.jsonl") {
		sequence := publish(t, js, m.message())
		want = append(want, fault{Sequence: sequence, Last: sequence})
	}
	require.Greater(t, len(want), 4)
	verify(t, s.variables).requireFaults(t, want...)
	eventually(t, func() bool { return !s.ready() }, "the service stops")
}

var kitAccounts = []string{"acme", "globex"}

// startKit starts a service with a user in each account of the kit.
func startKit(t *testing.T) *service {
	t.Helper()
	dir := t.TempDir()
	for _, account := range kitAccounts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, account+".htpasswd"), []byte(htpasswd(t, 4, account+":right")), 0o600))
	}
	return start(t, "CLIENTS_CREDENTIALS_DIR="+dir)
}

// loadKit starts a service on a stream of the kit's messages, with their sequences and timestamps, and returns which of them
// it found to be foreign. Between them are messages on internal subjects.
func loadKit(t *testing.T, messages []kitMessage) (s *service, foreign []uint64) {
	t.Helper()
	s = startKit(t)
	js := s.administrator(t)
	own, next := make(map[uint64]bool), uint64(1)
	for _, m := range messages {
		for ; next < m.Sequence; next++ {
			publish(t, js, message("client-references.kit.1", ""))
		}
		next++
		require.Equal(t, m.Sequence, publish(t, js, m.message()))
		own[m.Sequence] = true
	}
	s.kill() // without a snapshot
	for _, m := range messages {
		at, err := time.Parse(time.RFC3339Nano, m.Timestamp)
		require.NoError(t, err)
		alterEvent(t, blocks(t, filepath.Join(s.dataDir, "nats"))[0], m.Sequence, func(e *storedEvent) {
			little.LittleEndian.PutUint64(e.record[12:], uint64(at.UnixNano()))
		})
	}
	s = s.restart(t)
	for _, sequence := range verify(t, s.variables).foreign {
		if own[sequence] {
			foreign = append(foreign, sequence)
		}
	}
	return s, foreign
}

// message returns the message without what NATS would act on.
func (m kitMessage) message() *nats.Msg {
	stored := message(m.Subject, m.Data)
	for name, value := range m.Headers {
		if !strings.HasPrefix(name, "Nats-") {
			stored.Header[name] = []string{value}
		}
	}
	return stored
}

// kitClients returns all clients of the account as GET does, by id.
func (c *client) kitClients() (clients []map[string]any) {
	c.t.Helper()
	decoder := json.NewDecoder(strings.NewReader(c.want(http.StatusOK, "GET", "/clients.json", "").body))
	decoder.UseNumber()
	var list []struct{ Client map[string]any }
	require.NoError(c.t, decoder.Decode(&list))
	for _, entry := range list {
		clients = append(clients, entry.Client)
	}
	id := func(c map[string]any) string { return fmt.Sprintf("%20s", c["id"]) }
	slices.SortFunc(clients, func(a, b map[string]any) int { return strings.Compare(id(a), id(b)) })
	return clients
}

func readKit(t *testing.T, name string) (messages []kitMessage) {
	t.Helper()
	for _, line := range linesOf(readFile(t, kitFolder+name)) {
		var m kitMessage
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		messages = append(messages, m)
	}
	return messages
}

func writeKit(t *testing.T, name string, messages []kitMessage) {
	t.Helper()
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	for _, m := range messages {
		require.NoError(t, encoder.Encode(m))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, kitFolder, name), content.Bytes(), 0o644))
}

// kitMessageOf returns a stored message as a line of the kit, with a timestamp of its own.
func kitMessageOf(m event, at time.Time) kitMessage {
	k := kitMessage{Sequence: m.sequence, Timestamp: at.Format("2006-01-02T15:04:05.000000000Z"), Subject: m.subject, Headers: map[string]string{}, Data: m.data}
	for _, name := range slices.Sorted(maps.Keys(m.header)) {
		k.Headers[name] = m.header.Get(name)
	}
	return k
}
