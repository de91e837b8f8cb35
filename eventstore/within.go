package eventstore

import "context"

// within answers what call does, or ctx's error as soon as ctx has ended. It is for calls that take ctx and yet may
// outlast it: as long as nats.go greets another server, whoever uses the connection waits, whatever his deadline. Such a
// call may still reach a server after within has returned.
func within[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	answered := make(chan outcome, 1)
	go func() {
		value, err := call()
		answered <- outcome{value, err}
	}()
	select {
	case o := <-answered:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
