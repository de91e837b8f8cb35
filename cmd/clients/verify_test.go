package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"clients/domain"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// What a service leaves behind has no fault: not while it runs, not after it has stopped.
func TestVerifyFindsNoFaultInWhatTheServiceStores(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	id, gone := a.named("SuprCorp"), a.named("Gone")
	a.update(id, "<details>x</details>")
	other.say(project("Created", 1, fmt.Sprintf(`"client_id":%d`, id)), invoice("Created", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, id)))
	a.want(400, "DELETE", path(id), "")
	a.want(200, "DELETE", path(gone), "")
	stray := other.publish("clients.default.99", nil, "hello")
	eventually(t, "the invoice has been followed", func() bool {
		return verify(t, "--nats-url", a.adminURL()).summary.Types["clients.v1.ClientInvoiceDefaultsChanged"] == 1
	})
	running := verify(t, "--nats-url", a.adminURL())
	running.requireFaults(t)
	require.Empty(t, running.stderr)
	require.Equal(t, []uint64{stray}, running.strays)
	s := running.summary
	require.Equal(t, []int{1, 1, 1, 2}, []int{s.Accounts, s.Clients, s.Deleted, s.Types["clients.v1.ClientCreated"]})
	require.EqualValues(t, 2, s.Facts)
	require.Equal(t, []uint64{1, s.Messages, 1}, []uint64{s.First, s.Last, s.Strays})

	dir := a.settings.dataDir
	code, _, stderr := runInProcess(t, "verify", "--data-dir", dir)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "in use by another process")
	a.quit()
	for range 2 { // the first has changed nothing
		stopped := verify(t, "--data-dir", dir)
		stopped.requireFaults(t)
		require.Equal(t, 1, stopped.summary.Snapshots, "the one that was saved at the end")
		require.Equal(t, s.Last, stopped.summary.Last)
	}
	code, out, stderr := runInProcess(t, "verify", "--data-dir", dir, "--strays")
	require.Zero(t, code)
	require.Empty(t, stderr, "there is no terminal to draw on")
	require.Contains(t, out, fmt.Sprintf("sequence %d: stray: clients.default.99: no valid envelope\n", stray))
	require.Regexp(t, `(?m)^clients +1, and 1 deleted, in 1 account$`, out)
	require.Regexp(t, `(?m)^faults +0$`, out)
	launchWith(t, a.settingsOf(dir)) // and the service starts on it
}

func (a *app) settingsOf(dir string) settings {
	s := testSettings(a.t)
	s.dataDir = dir
	return s
}

// Each is told, and what comes behind it is looked at all the same.
func TestVerifyTellsEachFaultInTheStream(t *testing.T) {
	t.Parallel()
	fault := func(sequence uint64, kind, detail string) verifiedFault {
		return verifiedFault{sequence, sequence, kind, detail}
	}
	for name, make := range map[string]func(v *vault) []verifiedFault{
		"events that cannot be read": func(v *vault) (want []verifiedFault) {
			id := int64(1)
			for name, c := range corruptions(0) {
				switch name {
				case "version too high", "version repeated", "second creation", "another client's event", "another account's client", "another account's event":
					continue
				}
				v.created(id)
				c = corruptions(id)[name]
				kind := "corrupt"
				if name == "event of a newer release" || name == "event that nobody has heard of" {
					kind = "unknown-type"
				}
				want = append(want, fault(v.publish(c.subject, c.header, c.data), kind, fmt.Sprintf("clients.default.%d: ", id)))
				v.toggled(id, 3)
				id++
			}
			for header, value := range map[string]string{"ce-clientversion": "0", "ce-time": "yesterday"} {
				v.created(id)
				subject, data := fmt.Sprintf("clients.default.%d", id), object(id, `"active":false`)
				h := envelope(subject, "clients.v1.ClientToggled", id, 2, data)
				h.Set(header, value)
				h.Set("ce-checksum", checksumOf(subject, h, data))
				want = append(want, fault(v.publish(subject, h, data), "corrupt", value))
				v.toggled(id, 2) // written as if the other were not there
				id++
			}
			return want
		},
		"a creation that cannot be read": func(v *vault) []verifiedFault {
			c := corruptions(7)["wrong checksum"]
			sequence := v.publish(c.subject, c.header, c.data)
			v.toggled(7, 2)
			v.toggled(7, 3)
			v.event("default", "Deleted", 7, 4, "")
			return []verifiedFault{fault(sequence, "corrupt", "checksum"), fault(v.created(7), "order", "deleted")}
		},
		"versions that do not continue": func(v *vault) []verifiedFault {
			v.created(1)
			high := v.toggled(1, 5)
			low := v.toggled(1, 2)
			v.toggled(1, 6)
			again := v.event("default", "Created", 1, 7, `"name":"x"`)
			v.event("default", "Deleted", 1, 8, "")
			return []verifiedFault{
				fault(high, "order", "version 5 of client 1, which is at version 1"),
				fault(low, "order", "version 2 of client 1, which is at version 5"),
				fault(again, "order", "clients.v1.ClientCreated with version 7 of"),
				fault(v.toggled(1, 9), "order", "client 1, which was deleted"),
				fault(v.toggled(2, 1), "order", "client 2, which was not created"),
				fault(v.event("default", "Deleted", 3, 2, ""), "order", "client 3, which was not created"),
				fault(v.toggled(3, 3), "order", "client 3, which was deleted"),
			}
		},
		"an id in two accounts": func(v *vault) []verifiedFault {
			v.created(1)
			second := v.event("other", "Created", 1, 1, `"name":"x"`)
			v.toggled(1, 2)
			v.event("other", "Toggled", 1, 2, `"active":false`)
			v.event("other", "Deleted", 1, 3, "")
			v.toggled(1, 3)
			return []verifiedFault{fault(second, "two-accounts", "client 1 of account other has the id of a client of account default")}
		},
		"ids above the counter": func(v *vault) []verifiedFault {
			v.created(100)
			v.created(150)
			v.created(101)
			v.toggled(150, 2)
			return []verifiedFault{fault(0, "counter", "stands at 100, below the ids of 2 clients, up to 150 at sequence 2")}
		},
		"no counter": func(v *vault) []verifiedFault {
			require.NoError(v.t, v.js.DeleteStream(v.t.Context(), "CLIENTS_IDS"))
			v.created(1)
			return []verifiedFault{fault(0, "counter", "is gone, below the ids of 1 client,")}
		},
		"messages that are gone": func(v *vault) []verifiedFault {
			for id := range int64(40) {
				v.created(id + 1)
			}
			v.toggled(5, 2)
			v.toggled(5, 3)
			v.created(99)
			v.created(98)
			v.lose(3, 4, 10, 12, 13, 14, 41, 43, 44)
			return []verifiedFault{
				{3, 4, "missing", "2 messages gone"}, {10, 10, "missing", "1 message gone"}, {12, 14, "missing", ""}, {41, 41, "missing", ""},
				fault(42, "order", "version 3 of client 5, which is at version 1"), {43, 44, "missing", ""},
			}
		},
		"facts that cannot be read": func(v *vault) []verifiedFault {
			subject := "client-references.default.1"
			wrong := envelope(subject, "client-references.v1.ProjectRecorded", 1, 1, "{}")
			wrong.Set("ce-checksum", "0123456789abcdef")
			unknown := envelope(subject, "client-references.v9.ProjectRecorded", 1, 1, "{}")
			return []verifiedFault{
				fault(v.publish(subject, wrong, "{}"), "corrupt", subject), fault(v.publish(subject, unknown, "{}"), "unknown-type", "newer release"),
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			want := make(v)
			before, streams := v.lastSequence(), v.streams()
			verify(t, "--nats-url", v.url).requireFaults(t, want...)
			require.Equal(t, before, v.lastSequence())
			require.Equal(t, streams, v.streams(), "none was created")
			code, out, stderr := runInProcess(t, "verify", "--nats-url", v.url)
			require.Equal(t, 1, code)
			require.Equal(t, "error: verify: "+domain.Counted(len(want), "fault")+"\n", stderr)
			for _, fault := range want {
				where := ""
				if fault.Last > fault.Sequence {
					where = fmt.Sprintf("sequences %d to %d: ", fault.Sequence, fault.Last)
				} else if fault.Sequence > 0 {
					where = fmt.Sprintf("sequence %d: ", fault.Sequence)
				}
				require.Contains(t, out, where+fault.Kind+": ")
			}
		})
	}
}

// What was purged is missing. What that leaves of the clients is no further fault.
func TestVerifyReportsWhatWasPurged(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.created(1)
	v.created(2)
	v.toggled(1, 2)
	v.toggled(2, 2)
	wrong := v.toggled(1, 4)
	v.event("default", "Deleted", 2, 3, "")
	require.NoError(t, v.stream.Purge(t.Context(), jetstream.WithPurgeSequence(3)))
	found := verify(t, "--nats-url", v.url)
	found.requireFaults(t,
		verifiedFault{1, 2, "missing", "2 messages gone: the stream begins behind them"},
		verifiedFault{wrong, wrong, "order", "version 4 of client 1, which is at version 2"})
	require.EqualValues(t, 4, found.summary.Messages)

	require.NoError(t, v.stream.Purge(t.Context()))
	found = verify(t, "--nats-url", v.url)
	found.requireFaults(t, verifiedFault{1, 6, "missing", "6 messages gone"})
	require.Zero(t, found.summary.Messages)
}

func TestVerifyOfAnEmptyStream(t *testing.T) {
	t.Parallel()
	found := verify(t, "--nats-url", newVault(t).url)
	found.requireFaults(t)
	require.Empty(t, found.notices)
	_, out, _ := runInProcess(t, "verify", "--nats-url", newVault(t).url)
	require.Regexp(t, `(?m)^messages +0$`, out)
	require.Regexp(t, `(?m)^clients +0, and 0 deleted, in 0 accounts$`, out)
}

// A message whose headers look like the server's own words does not reach a consumer, and is there.
func TestVerifyIsNotMisledByWhatLooksLikeTheServersWords(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.created(1)
	for _, header := range []string{"NATS/1.0 503\r\n\r\n", "NATS/1.0 409 Consumer Deleted\r\n\r\n", "NATS/1.0 100 Idle Heartbeat\r\n\r\n"} {
		natstest.PublishRaw(t, v.url, "clients.default.1", header, "")
	}
	eventually(t, "they are stored", func() bool { return v.lastSequence() == 4 })
	v.toggled(1, 2)
	found := verify(t, "--nats-url", v.url)
	found.requireFaults(t)
	require.Equal(t, []uint64{2, 3, 4}, found.strays)
}

func TestVerifySaysWhyItCannot(t *testing.T) {
	t.Parallel()
	nobody := natstest.Run(t, 1)
	empty := t.TempDir()
	for _, refused := range []struct {
		code  int
		says  string
		flags []string
	}{
		{2, "server 1 of 1", []string{"--nats-url", "://"}},
		{2, "does not go with", []string{"--nats-url", "127.0.0.1:1", "--data-dir", empty}},
		{2, "unknown flag", []string{"--repair"}},
		{1, "127.0.0.1:1", []string{"--nats-url", "127.0.0.1:1"}},
		{1, "no clients service has run there", []string{"--nats-url", nobody.URL()}},
		{1, "no clients service has run there", []string{"--data-dir", empty}},
		{1, "no clients service has run there", []string{"--data-dir", filepath.Join(empty, "none")}},
	} {
		code, out, stderr := runInProcess(t, append([]string{"verify"}, refused.flags...)...)
		require.Equal(t, refused.code, code, refused.flags)
		require.Contains(t, stderr, refused.says)
		require.Empty(t, out)
	}
	left, err := os.ReadDir(empty)
	require.NoError(t, err)
	require.Empty(t, left, "nothing was made")
}

// The service refuses to start on it, so that there is no NATS to connect to.
func TestVerifyTellsWhatIsWrongWithAStoreThatRefusesToStart(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	c := corruptions(id)["wrong checksum"]
	sequence := a.tap().publish(c.subject, c.header, c.data)
	dir := a.settings.dataDir
	requireRestartRefused(t, a, sequence)
	for range 2 {
		verify(t, "--data-dir", dir).requireFaults(t, verifiedFault{sequence, sequence, "corrupt", "checksum"})
	}
}

// Snapshots come and go, ids are handed out and the stream goes on while it is looked through.
func TestVerifyFindsNoFaultWhileTheServiceIsAtWork(t *testing.T) {
	t.Parallel()
	url := natstest.Run(t, 3).URL()
	newTap(t, url).sources()
	a := launchWith(t, externalSettings(t, 3, natsSettings{url: url}))
	ended := make(chan struct{})
	defer func() { <-ended }()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		defer close(ended)
		for n := 0; ctx.Err() == nil; n++ {
			a.do("POST", "/clients", newClient, asXML)
			if n%10 == 0 {
				a.snapshotter.Save(ctx)
			}
		}
	}()
	compared := 0
	for last := uint64(0); last < 400; {
		found := verify(t, "--nats-url", url)
		found.requireFaults(t)
		last = found.summary.Last
		compared += found.summary.Snapshots
	}
	require.Positive(t, compared)
}
