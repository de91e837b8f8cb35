package jsapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// WithContext returns what call returns, or ctx's error as soon as ctx has ended. It is for calls that accept ctx and can
// still outlast it: while nats.go connects to another server, every use of the connection blocks, whatever its deadline.
// Such a call may reach a server after WithContext has returned.
func WithContext[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	returned := make(chan result, 1)
	go func() {
		value, err := call()
		returned <- result{value, err}
	}()
	select {
	case r := <-returned:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

const (
	shortPause = 20 * time.Millisecond
	longPause  = 200 * time.Millisecond
)

// Pause waits for a moment, or until ctx ends, before something is tried again that failed for the time being.
func Pause(ctx context.Context) { Sleep(ctx, shortPause) }

// Sleep waits for as long as d, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// ErrNoCluster reports that a NATS server without a cluster was asked for more than one replica of a stream.
var ErrNoCluster = errors.New("the NATS server is not part of a cluster")

// Retry repeats a call until it succeeds, fails for good, or ctx ends. Each attempt takes RequestTimeout at most: before a
// cluster has elected a leader there is no response, and a longer wait would not change that.
//
// If ctx has passed its deadline, the error is that of the last attempt that ended before.
//
// These fail for good: a Permanent error, a *ConfigError, ErrNoCluster, and each refusal of the server that does not pass
// as its cluster forms.
func Retry(ctx context.Context, log *slog.Logger, call func(context.Context) error) error {
	var last error
	for {
		attempt, cancel := context.WithTimeout(ctx, RequestTimeout)
		err := call(attempt)
		cancel()
		switch {
		case err == nil:
			return nil
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return cmp.Or(last, err)
		case ctx.Err() != nil:
			return err
		}
		if final := failure(err); final != nil {
			return final
		}
		if last == nil || last.Error() != err.Error() { // it may last
			log.Warn("waiting for NATS", "error", err)
		}
		last = err
		Sleep(ctx, longPause)
	}
}

// failure returns the error that a call failed with for good, nil if it may succeed later.
func failure(err error) error {
	var final permanent
	var api *jetstream.APIError
	switch {
	case errors.As(err, &final):
		return final.error
	case errors.As(err, new(*ConfigError)), errors.Is(err, ErrNoCluster):
		return err
	case !errors.As(err, &api):
		return nil
	case api.Code >= 500, api.ErrorCode == codeNoPeers, api.ErrorCode == jetstream.JSErrCodeStreamNameInUse: // another replica creates it
		return nil
	default:
		return err
	}
}

// Permanent makes Retry return err at once.
func Permanent(err error) error { return permanent{err} }

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }
