package eventstore_test

import (
	"testing"

	"clients/eventstore"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// nats.go withholds messages that look like a status of the server, or ends the consumer. Such a message must not stop the
// service.
func TestTailDeliversMessagesThatLookLikeAStatus(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	statuses := []string{"100", "404", "408", "409 Consumer Deleted", "409 Leadership Change", "503"}
	follow := func() <-chan eventstore.Record {
		arrived := make(chan eventstore.Record, 100)
		go func() {
			_ = s.Tail(deadline(t), 0, func(run []eventstore.Record) error {
				for _, r := range run {
					arrived <- r
				}
				return nil
			})
		}()
		return arrived
	}
	live := follow()
	for i, status := range statuses {
		_, err := s.JetStream().PublishMsg(deadline(t), &nats.Msg{Subject: "clients.default.9", Header: nats.Header{"Status": {status}}})
		require.NoError(t, err)
		_, err = s.Append(deadline(t), created(int64(i+1)), 0)
		require.NoError(t, err)
	}
	for name, arrived := range map[string]<-chan eventstore.Record{"live": live, "later": follow()} {
		for sequence := range uint64(2 * len(statuses)) {
			select {
			case r := <-arrived:
				require.Equal(t, sequence+1, r.Sequence)
				require.Equal(t, sequence%2 == 0, r.Foreign != "")
			case <-deadline(t).Done():
				require.FailNow(t, "nothing arrives", "%s, message %d", name, sequence+1)
			}
		}
	}
}
