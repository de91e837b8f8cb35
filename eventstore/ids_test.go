package eventstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestIDsAreUniqueAcrossReplicasAndGrow(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	var mu sync.Mutex
	seen := make(map[int64]bool)
	var group sync.WaitGroup
	for _, s := range stores {
		group.Go(func() {
			last := int64(0)
			for range 3 * eventstore.BlockSize {
				id, err := s.NextID(deadline(t), 0)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[id] || id <= last {
					t.Errorf("id %d after %d", id, last)
				}
				seen[id] = true
				mu.Unlock()
				last = id
			}
		})
	}
	group.Wait()
	require.Len(t, seen, 9*eventstore.BlockSize)
}

func TestIDsBeginAtOne(t *testing.T) {
	t.Parallel()
	id, err := singleNode(t).NextID(deadline(t), 0)
	require.NoError(t, err)
	require.Equal(t, int64(1), id)
}

func TestIDsStayAboveThoseInUseWhenTheCounterIsLost(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.NextID(deadline(t), 0)
	require.NoError(t, err)
	require.NoError(t, s.JetStream().DeleteStream(deadline(t), eventstore.IDStream))
	reopened := openStore(t, s.Conn(), 1)
	id, err := reopened.NextID(deadline(t), 12345)
	require.NoError(t, err)
	require.Equal(t, int64(12346), id)
	another := openStore(t, s.Conn(), 1)
	other, err := another.NextID(deadline(t), 0)
	require.NoError(t, err)
	require.Greater(t, other, id+eventstore.BlockSize-2, "the other replica's block lies behind")
}

// A replica uses up its block of ids although others use higher ones. Otherwise each id would take a block.
func TestIDsOfABlockAreUsedWhileOtherReplicasAreAhead(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.NextID(deadline(t), 0)
	require.NoError(t, err)
	for want := int64(2); want <= eventstore.BlockSize; want++ {
		id, err := s.NextID(deadline(t), eventstore.BlockSize+2*want)
		require.NoError(t, err)
		require.Equal(t, want, id)
	}
	id, err := s.NextID(deadline(t), 3*eventstore.BlockSize)
	require.NoError(t, err)
	require.Greater(t, id, int64(3*eventstore.BlockSize))
}

// The rest of a block is skipped if others have used its ids in the meantime.
func TestIDsSkipToTheFloor(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for _, step := range []struct{ floor, want int64 }{{0, 1}, {50, 51}, {50, 52}, {eventstore.BlockSize * 20, eventstore.BlockSize*20 + 1}} {
		id, err := s.NextID(deadline(t), step.floor)
		require.NoError(t, err)
		require.Equal(t, step.want, id)
	}
}

// The next block is there before it is needed, so that no caller waits for a disk, or for servers that are away for a moment.
func TestIDsOfTheNextBlockAreTakenAhead(t *testing.T) {
	t.Parallel()
	s, network := heldStore(t)
	used := handOut(t, s, eventstore.BlockSize/2+1)
	taken := requireCounter(t, s, 2*eventstore.BlockSize)
	network.Hold("held")
	require.Equal(t, taken, handOut(t, s, taken-used))
}

// Where a block takes long to take, larger ones are taken.
func TestBlocksOfIDsGrowWithTheTimeThatTheyTake(t *testing.T) {
	t.Parallel()
	s, network := heldStore(t)
	network.Hold("held")
	time.AfterFunc(500*time.Millisecond, network.Heal)
	handOut(t, s, eventstore.BlockSize/2+1)
	requireCounter(t, s, 3*eventstore.BlockSize)
}

// heldStore is a store whose connection can be held, by its name "held".
func heldStore(t *testing.T) (*eventstore.Store, *natstest.Network) {
	t.Helper()
	network, cluster := natstest.NewNetwork(t), natstest.Run(t, 1)
	nc, err := nats.Connect(network.URL("held", cluster))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	t.Cleanup(network.Heal)
	return openStore(t, nc, 1), network
}

// handOut takes n ids and returns the last one.
func handOut(t *testing.T, s *eventstore.Store, n int64) (last int64) {
	t.Helper()
	for range n {
		id, err := s.NextID(deadline(t), 0)
		require.NoError(t, err)
		require.Greater(t, id, last)
		last = id
	}
	return last
}

// requireCounter requires that the counter reaches a value, and returns how far it is.
func requireCounter(t *testing.T, s *eventstore.Store, value int64) int64 {
	t.Helper()
	stream, err := s.JetStream().Stream(deadline(t), eventstore.IDStream)
	require.NoError(t, err)
	var counter struct {
		Value int64 `json:"val,string"`
	}
	require.Eventually(t, func() bool {
		msg, err := stream.GetLastMsgForSubject(deadline(t), "client-ids")
		return err == nil && json.Unmarshal(msg.Data, &counter) == nil && counter.Value >= value
	}, 10*time.Second, time.Millisecond)
	return counter.Value
}

func TestADeletedCounterIsCreatedAgain(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	first, err := s.NextID(deadline(t), 0)
	require.NoError(t, err)
	require.NoError(t, s.JetStream().DeleteStream(deadline(t), eventstore.IDStream))
	last := first
	for range 2 * eventstore.BlockSize {
		id, err := s.NextID(deadline(t), 0)
		require.NoError(t, err)
		require.Greater(t, id, last)
		last = id
	}
}

// A counter that is lost once more while it is moved on to the ids in use is behind them again.
func TestIDsGrowWhenTheCounterIsLostTwice(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	lost := map[int]int64{3: eventstore.BlockSize / 2, 4: 0} // what is left of it then
	var calls int
	var counter int64
	_, err := nc.Subscribe("client-ids", func(msg *nats.Msg) {
		calls++
		if left, found := lost[calls]; found {
			counter = left
		}
		n, _ := strconv.ParseInt(msg.Header.Get("Nats-Incr"), 10, 64)
		counter += n
		_ = msg.Respond(fmt.Appendf(nil, `{"stream":"CLIENTS_IDS","seq":%d,"val":"%d"}`, calls, counter))
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	s := eventstore.Attach(nc)
	_, err = s.NextID(deadline(t), 10*eventstore.BlockSize)
	require.NoError(t, err)
	handOut(t, s, 3*eventstore.BlockSize)
}

// A caller that waits for a block of ids waits until its own deadline, not until that of the caller that requests the block.
func TestNextIDDoesNotOutlastItsContext(t *testing.T) {
	t.Parallel()
	s := muteStore(t)
	patient, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := s.NextID(patient, 0)
		ended <- err
	}()
	require.Eventually(t, func() bool { return s.TakesBlock() }, 5*time.Second, time.Millisecond)
	begun := time.Now()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if _, err := s.NextID(ctx, 0); err == nil {
				t.Error("there is no server to take an id from")
			}
		})
	}
	all.Wait()
	require.Less(t, time.Since(begun), 10*time.Second, "the caller that requests the block waits for 30 s")
	cancel()
	require.Error(t, <-ended)
}
