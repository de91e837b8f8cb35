package workload

import "time"

// Tally counts the requests of a phase of the load.
type Tally struct {
	Phase    string
	Strict   bool // no request may fail
	Took     time.Duration
	Requests int
	Failures map[string]int // requests without a usable response, by reason
	Warnings int            // reads with a Warning, which may have been out of date
	Gap      time.Duration  // the longest between two successful writes
}

func (t Tally) failed() (sum int) {
	for _, n := range t.Failures {
		sum += n
	}
	return sum
}

// Phase ends a phase and begins the next one when the requests that are under way have ended: each counts for one phase,
// and what a phase does to callers is not counted in another. In a strict phase no request may fail.
func (l *Load) Phase(name string, strict bool) {
	requested := time.Now()
	l.turn.Lock()
	defer l.turn.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.current; t.Phase != "" {
		t.Took = requested.Sub(l.phase)
		t.Gap = max(t.Gap, requested.Sub(l.written))
		l.Phases = append(l.Phases, t)
	}
	l.phase = time.Now()
	l.written = l.phase
	l.current = Tally{Phase: name, Strict: strict, Failures: map[string]int{}}
}

// count counts a request. The reason of its failure is empty if it has a usable response.
func (l *Load) count(o Operation, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, t := time.Now(), &l.current
	t.Requests++
	switch {
	case reason != "":
		t.Failures[reason]++
	case o.Kind != Get:
		t.Gap, l.written = max(t.Gap, now.Sub(l.written)), now
	case o.Warned:
		t.Warnings++
	}
}
