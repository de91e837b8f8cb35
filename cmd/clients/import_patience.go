package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// How long a service that does not answer, or puts off, is tried again; how long it is given for one answer, and for the
// list of all clients; and how often is told that it goes on.
const (
	importPatience = 2 * time.Minute
	importAnswer   = 30 * time.Second
	importList     = 10 * time.Minute
	importTold     = 15 * time.Second
)

// passingError is a failure that may heal by itself.
type passingError struct {
	reason string
	wait   time.Duration
}

func (e *passingError) Error() string { return e.reason }

// patiently tries as long as there are passing errors, but not for ever. Creating is tried with the same key.
func (s *importService) patiently(ctx context.Context, try func(context.Context) error) error {
	for deadline := time.Now().Add(importPatience); ; {
		err := try(ctx)
		var passing *passingError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			s.outage.over(s)
			return nil
		case !errors.As(err, &passing):
			return err
		case time.Now().Add(passing.wait).After(deadline):
			return fmt.Errorf("%s, for %s by now; %w", passing.reason, importPatience, errAgain)
		}
		s.outage.goesOn(s, passing)
		select {
		case <-time.After(passing.wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// outage is a time when the service does not answer. It is told of once, whoever notices.
type outage struct {
	mu    sync.Mutex
	since time.Time // zero where there is none
	told  time.Time
	aloud bool // this one was told
}

func (o *outage) goesOn(s *importService, passing *passingError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.since.IsZero() {
		o.since = now
	}
	if now.Sub(o.told) < importTold {
		return
	}
	o.told = now
	if o.aloud {
		s.tell(fmt.Sprintf("%s, for %s by now", passing.reason, now.Sub(o.since).Round(time.Second)))
		return
	}
	o.aloud = true
	s.tell(fmt.Sprintf("%s; it is asked again, for %s", passing.reason, importPatience))
}

func (o *outage) over(s *importService) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.aloud {
		s.tell("it goes on")
	}
	o.since, o.aloud = time.Time{}, false
}
