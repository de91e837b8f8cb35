package kubernetes

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Answers go to inboxes: each user hears its own alone, and nobody hears what is published.
func TestATeamHearsItsOwnAnswersAlone(t *testing.T) {
	s := startWithClients(t)
	for _, user := range append([]string{"clients"}, teams...) {
		nc, _ := connect(t, s, user)
		for _, subject := range []string{
			">", "_INBOX.>", "_INBOX.x", "_INBOX_admin.>", "_INBOX_clients.>", "_INBOX_projects.>", "_INBOX_invoices.>", "_INBOX_subscriber.>", "*.>",
			"clients.>", "client-references.>", "projects.>", "invoices.>", "$JS.API.>", "$JS.ACK.>", "$JS.EVENT.ADVISORY.>", "$KV.>", "$O.>", "$SYS.>",
		} {
			require.Equal(t, subject == "_INBOX_"+user+".>", hears(t, nc, subject), "%s listens to %s", user, subject)
		}
	}
}

// hears tells whether a user may subscribe to a subject.
func hears(t *testing.T, nc *nats.Conn, subject string) bool {
	t.Helper()
	told := make(chan bool, 2)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if strings.Contains(err.Error(), `"`+subject+`"`) {
			told <- false
		}
	})
	sub, err := nc.SubscribeSync(subject)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	time.AfterFunc(200*time.Millisecond, func() { told <- true }) // the server has said so before, and only the handler is late
	heard := <-told
	_ = sub.Unsubscribe()
	return heard
}
