package projections

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// slowLeader answers each question when it is told to, with the number of questions asked so far.
type slowLeader struct {
	noStream
	asked   chan uint64
	answers chan struct{}
	mu      sync.Mutex
	count   uint64
}

func (l *slowLeader) LastSequence(ctx context.Context) (uint64, error) {
	l.mu.Lock()
	l.count++
	count := l.count
	l.mu.Unlock()
	l.asked <- count
	select {
	case <-l.answers:
		return count, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Who comes while a question is under way must not get its answer: what he has seen may be newer.
func TestReadersShareAQuestionThatIsAskedAfterTheyCame(t *testing.T) {
	leader := &slowLeader{asked: make(chan uint64, 10), answers: make(chan struct{})}
	d := quietDirectory(leader)
	first := make(chan uint64, 1)
	go func() { last, _ := d.questions.last(t.Context()); first <- last }()
	require.Equal(t, uint64(1), <-leader.asked)

	const crowd = 50
	later := make(chan uint64, crowd)
	var arrived sync.WaitGroup
	for range crowd {
		arrived.Add(1)
		go func() {
			d.questions.mu.Lock() // they are in line before the first answer comes
			arrived.Done()
			d.questions.mu.Unlock()
			last, _ := d.questions.last(t.Context())
			later <- last
		}()
	}
	arrived.Wait()
	require.Eventually(t, func() bool {
		d.questions.mu.Lock()
		defer d.questions.mu.Unlock()
		return d.questions.next != nil
	}, time.Second, time.Millisecond)
	leader.answers <- struct{}{}
	require.Equal(t, uint64(1), <-first)
	close(leader.answers)
	for range crowd {
		require.GreaterOrEqual(t, <-later, uint64(2))
	}
	leader.mu.Lock()
	defer leader.mu.Unlock()
	require.Less(t, leader.count, uint64(crowd/2), "a question each is what sharing is to save")
}

func TestRefreshWaitsForWhatTheLeaderHas(t *testing.T) {
	h := newHistory(t).created("acme", 1, "One")
	leader := &slowLeader{asked: make(chan uint64, 1), answers: make(chan struct{}, 1)}
	leader.answers <- struct{}{}
	d := quietDirectory(leader)
	refreshed := make(chan error, 1)
	go func() { refreshed <- d.Refresh(t.Context()) }()
	<-leader.asked
	select {
	case <-refreshed:
		t.Fatal("refreshed before the event was folded in")
	default:
	}
	require.NoError(t, d.apply(h.records))
	require.NoError(t, <-refreshed)
}

type absentLeader struct{ noStream }

func (absentLeader) LastSequence(context.Context) (uint64, error) { return 0, errors.New("no leader") }

func TestRefreshFailsWhenNobodyAnswers(t *testing.T) {
	require.ErrorContains(t, quietDirectory(absentLeader{}).Refresh(t.Context()), "no leader")
}
