package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

func TestValidNATSServers(t *testing.T) {
	t.Parallel()
	for given, shown := range map[string]string{
		"nats://127.0.0.1:4222":                   "nats://127.0.0.1:4222",
		"nats-0.nats:4222":                        "nats://nats-0.nats:4222",
		"nats-0, nats-1:4223 ,tls://[::1]":        "nats://nats-0,nats://nats-1:4223,tls://[::1]",
		"NATS://nats/":                            "nats://nats/",
		"nats://user:secret@nats":                 "nats://nats",
		"user:secret@nats:4222,nats://nats":       "nats://nats:4222,nats://nats",
		"tls://:secret@nats,tls://user:@nats":     "tls://nats,tls://nats",
		"nats://secret@nats":                      "nats://nats", // a token
		"nats://user:secret%2Cwith%40all@nats:1":  "nats://nats:1",
		"wss://user:secret@gateway/a?key=secret":  "wss://gateway/a",
		"ws://gateway:8080/nats,wss://other:8443": "ws://gateway:8080/nats,wss://other:8443",
	} {
		var f config.Faults
		n := f.NATS(natsconn.Settings{URL: given})
		require.Empty(t, f, given)
		require.Equal(t, given, n.URL)
		require.Equal(t, shown, natsconn.Redact(given))
	}
}

func TestInvalidNATSServers(t *testing.T) {
	t.Parallel()
	for given, server := range map[string]string{
		" ":                               "1 of 1",
		"nats://nats,":                    "2 of 2",
		"http://user:secret@nats":         "1 of 1",
		"nats://nats,nats://user:secret@": "2 of 2",
		"nats://user:secret":              "1 of 1", // which looks like a port
		"nats://user:se%cret@nats":        "1 of 1",
		"nats://user:secret@nats:port":    "1 of 1",
		"nats://user:secret@nats:0":       "1 of 1",
		"nats://user:secret@nats:65536":   "1 of 1",
		"nats://user:1234567":             "1 of 1", // which is no port
		"nats://user:1/secret@nats":       "1 of 1",
		"nats://user:1#secret@nats":       "1 of 1",
		"ws://user:1?secret@nats":         "1 of 1",
		"nats://user:secret@nats?x=y":     "1 of 1",
		"nats://user:se,cret@nats":        "1 of 2",
		"nats://nats,user:secret@nats":    "2 of 2",
	} {
		var f config.Faults
		f.NATS(natsconn.Settings{URL: given})
		require.NotEmpty(t, f, given)
		require.True(t, strings.HasPrefix(f[0], "CLIENTS_NATS_URL: server "+server+" must be host:port"), "%s: %s", given, f)
		require.NotContains(t, f.Error(), "cret")
		require.NotContains(t, natsconn.Redact(given), "cret")
	}
	var f config.Faults
	f.NATS(natsconn.Settings{URL: "http://a,b,nats://c:x"})
	require.Len(t, f, 2, "each server that is wrong")
	f = nil
	f.NATS(natsconn.Settings{URL: "wss://user:secret@gateway,nats:4222"})
	require.EqualError(t, f, "CLIENTS_NATS_URL: must not mix ws:// and wss:// with other schemes")
}

func TestInvalidNATSFiles(t *testing.T) {
	t.Parallel()
	const url = "nats://127.0.0.1:1"
	dir := t.TempDir()
	text, missing := filepath.Join(dir, "text"), filepath.Join(dir, "missing")
	require.NoError(t, os.WriteFile(text, []byte("top secret"), 0o600))
	seed, half := userSeed(t), filepath.Join(dir, "half")
	require.NoError(t, os.WriteFile(half, []byte("-----BEGIN USER NKEY SEED-----\n"+seed+"\n------END USER NKEY SEED------\n"), 0o600))
	for _, c := range []struct {
		flags  natsconn.Settings
		faults []string
	}{
		{natsconn.Settings{Creds: text, CA: text, Cert: text, Key: text}, []string{
			"CLIENTS_NATS_CREDS: requires CLIENTS_NATS_URL", "CLIENTS_NATS_CA: requires CLIENTS_NATS_URL",
			"CLIENTS_NATS_CERT: requires CLIENTS_NATS_URL", "CLIENTS_NATS_KEY: requires CLIENTS_NATS_URL",
		}},
		{natsconn.Settings{URL: url, Creds: missing, CA: missing, Cert: missing, Key: missing}, []string{
			"CLIENTS_NATS_CREDS: ", "CLIENTS_NATS_CA: ", "CLIENTS_NATS_CERT: ", "CLIENTS_NATS_KEY: ",
		}},
		{natsconn.Settings{URL: url, Creds: dir, CA: dir, Cert: dir, Key: dir}, []string{
			"CLIENTS_NATS_CREDS: ", "CLIENTS_NATS_CA: ", "CLIENTS_NATS_CERT: ", "CLIENTS_NATS_KEY: ",
		}},
		{natsconn.Settings{URL: url, Creds: text, CA: text, Cert: text, Key: text}, []string{
			"CLIENTS_NATS_CREDS: ", "CLIENTS_NATS_CA: ", "CLIENTS_NATS_CERT: ",
		}},
		{natsconn.Settings{URL: url, Creds: half}, []string{"CLIENTS_NATS_CREDS: no JWT of a user"}},
		{natsconn.Settings{URL: url, Cert: text}, []string{"CLIENTS_NATS_CERT: requires CLIENTS_NATS_KEY"}},
		{natsconn.Settings{URL: url, Key: text}, []string{"CLIENTS_NATS_KEY: requires CLIENTS_NATS_CERT"}},
		{natsconn.Settings{URL: "nats://", Key: text}, []string{"CLIENTS_NATS_URL: ", "CLIENTS_NATS_KEY: "}},
	} {
		var f config.Faults
		f.NATS(c.flags)
		require.Len(t, f, len(c.faults), f.Error())
		for i, fault := range c.faults {
			require.True(t, strings.HasPrefix(f[i], fault), f[i])
		}
		require.NotContains(t, f.Error(), "top secret")
		require.NotContains(t, f.Error(), seed)
	}
}

func userSeed(t *testing.T) string {
	t.Helper()
	keys, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := keys.Seed()
	require.NoError(t, err)
	return string(seed)
}

func TestStreamReplicas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, given string
		replicas   int // 0 is a fault
	}{
		{"", "", 1}, {"", "1", 1}, {"", "3", 0}, {"", "x", 0},
		{"nats", "", 3}, {"nats", "1", 1}, {"nats", "3", 3}, {"nats", "5", 5}, {"nats", "0", 0}, {"nats", "2", 0}, {"nats", "7", 0}, {"nats", "x", 0},
	} {
		var f config.Faults
		replicas := f.Replicas(c.given, c.url != "")
		require.Equal(t, c.replicas == 0, f != nil, "%v: %v", c, f)
		if f == nil {
			require.Equal(t, c.replicas, replicas, "%v", c)
		}
	}
}
