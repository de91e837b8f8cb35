package e2e_test

import (
	"crypto/tls"
	"math"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// Each way to log in to NATS works, also after the server was restarted, and no secret is printed or logged.
func TestLoginsToNATS(t *testing.T) {
	t.Parallel()
	for name, login := range map[string]func(t *testing.T) natsLogin{
		"user and password": func(*testing.T) natsLogin {
			return natsLogin{
				demand:   func(o *server.Options) { o.Username, o.Password = "user", "se,same/1" },
				settings: func(url string) []string { return []string{"CLIENTS_NATS_URL=" + withUser(url, "user:se%2Csame%2F1")} },
				secrets:  []string{"se,same/1", "se%2Csame%2F1"},
			}
		},
		"token": func(*testing.T) natsLogin {
			return natsLogin{
				demand:   func(o *server.Options) { o.Authorization = "sesame" },
				settings: func(url string) []string { return []string{"CLIENTS_NATS_URL=" + withUser(url, "sesame")} },
				secrets:  []string{"sesame"},
			}
		},
		"websocket":   websocketLogin,
		"credentials": credentialsLogin,
		"TLS":         tlsLogin,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			login := login(t)
			cluster := natstest.Run(t, 1, login.demand)
			s := launch(t, append(login.settings(cluster.URL()), "CLIENTS_STREAM_REPLICAS=1", "CLIENTS_LOG_LEVEL=debug")...)
			s.awaitReady(t)
			id := s.create("SuprCorp")
			if name == "TLS" {
				expires := func() float64 { return s.metric("clients_certificate_expiry_timestamp_seconds", `certificate="nats"`) }
				eventually(t, func() bool { return math.Abs(expires()-float64(time.Now().Add(time.Hour).Unix())) < 600 }, "it expires in an hour")
			}
			cluster.Stop(0)
			cluster.Restart(t, 0)
			s.awaitWrites(id)
			for _, secret := range login.secrets {
				require.NotContains(t, s.stdout.String()+s.stderr.String(), secret)
			}
			other := launch(t, "CLIENTS_NATS_URL="+cluster.URL(), "CLIENTS_STREAM_REPLICAS=1")
			eventually(t, func() bool { return other.stderr.contains("waiting for NATS") }, "without the login it is refused")
			require.Zero(t, other.stop(t))
		})
	}
}

// natsLogin is what a server demands, and the settings of a service that satisfy it.
type natsLogin struct {
	demand   func(*server.Options)
	settings func(url string) []string
	secrets  []string
}

func websocketLogin(t *testing.T) natsLogin {
	address, err := net.ResolveTCPAddr("tcp", natstest.FreeAddress(t))
	require.NoError(t, err)
	return natsLogin{
		demand: func(o *server.Options) {
			o.Username, o.Password = "user", "sesame"
			o.Websocket = server.WebsocketOpts{Host: "127.0.0.1", Port: address.Port, NoTLS: true}
		},
		settings: func(string) []string { return []string{"CLIENTS_NATS_URL=ws://user:sesame@" + address.String()} },
		secrets:  []string{"sesame"},
	}
}

// credentialsLogin is of a user in an account with JetStream, for whom an operator vouches.
func credentialsLogin(t *testing.T) natsLogin {
	key := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		pair, err := create()
		require.NoError(t, err)
		public, err := pair.PublicKey()
		require.NoError(t, err)
		return pair, public
	}
	operator, operatorID := key(nkeys.CreateOperator)
	account, accountID := key(nkeys.CreateAccount)
	_, systemID := key(nkeys.CreateAccount)
	user, userID := key(nkeys.CreateUser)
	accounts := &server.MemAccResolver{}
	for _, id := range []string{accountID, systemID} {
		claims := jwt.NewAccountClaims(id)
		if id == accountID {
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: jwt.NoLimit, MemoryStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
		}
		token, err := claims.Encode(operator)
		require.NoError(t, err)
		require.NoError(t, accounts.Store(id, token))
	}
	token, err := jwt.NewUserClaims(userID).Encode(account)
	require.NoError(t, err)
	seed, err := user.Seed()
	require.NoError(t, err)
	content, err := jwt.FormatUserConfig(token, seed)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "user.creds")
	write(t, file, string(content))
	return natsLogin{
		demand: func(o *server.Options) {
			o.TrustedOperators = []*jwt.OperatorClaims{jwt.NewOperatorClaims(operatorID)}
			o.AccountResolver, o.SystemAccount = accounts, systemID
		},
		settings: func(url string) []string { return []string{"CLIENTS_NATS_URL=" + url, "CLIENTS_NATS_CREDS=" + file} },
		secrets:  []string{token, string(seed)},
	}
}

// tlsLogin is a certificate of the service that the server demands. It serves as the server's certificate as well.
func tlsLogin(t *testing.T) natsLogin {
	files, trust := certificate(t)
	file := func(i int) string { _, name, _ := strings.Cut(files[i], "="); return name }
	pair, err := tls.LoadX509KeyPair(file(0), file(1))
	require.NoError(t, err)
	return natsLogin{
		demand: func(o *server.Options) {
			o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: trust.RootCAs, ClientAuth: tls.RequireAndVerifyClientCert}
			o.TLS, o.TLSVerify = true, true
		},
		settings: func(url string) []string {
			return []string{"CLIENTS_NATS_URL=" + url, "CLIENTS_NATS_CA=" + file(0), "CLIENTS_NATS_CERT=" + file(0), "CLIENTS_NATS_KEY=" + file(1)}
		},
	}
}
