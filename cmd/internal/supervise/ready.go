package supervise

import (
	"context"
	"fmt"
	"net"
	"time"
)

// poll is how often Listening tries: a connection refused costs microseconds.
const poll = 20 * time.Millisecond

// Listening is a Process.Ready for one that takes connections at a Unix socket.
func Listening(socket string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(poll)
		defer tick.Stop()
		for {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
			if err == nil {
				return conn.Close()
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("supervise: nobody listens: %w", err)
			case <-tick.C:
			}
		}
	}
}

// Steady is a Process.Ready for one that does not say when it is: it is once it has run for
// so long.
func Steady(run time.Duration) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(run):
			return nil
		}
	}
}
