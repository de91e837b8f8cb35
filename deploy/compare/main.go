// Command compare measures the service beside a service of the same API on PostgreSQL, which is in package rival:
//
//	start both, compare their responses
//	for each round, for each side in turn:
//		empty store ─→ seed ─→ sync ─→ GET, list, update, create ─→ stop
//		empty store, every fsync delayed ─→ create ─→ stop
//	print the medians of all rounds, and of the ratios within each round
//
// Both run on the same disk with an empty store, and write their access log to a file beside it. Each call runs for the same
// time on both, from connections that are kept. Odd rounds begin with the service, even ones with PostgreSQL. Only one of them
// runs at a time.
//
// The processor time of a request is that of all processes of a side, user and system, divided by the requests. It does not
// contain that of the load generator, nor that of kernel threads, which write to the disk for both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// options are the settings of a run.
type options struct {
	rounds   int
	time     time.Duration // of one load
	clients  int           // in the store, for all loads but slowed ones
	only     *regexp.Regexp
	dir      string
	service  string // program; built if empty
	previous string // a further program of the service to measure; none if empty
	postgres postgres
}

func main() {
	o := options{postgres: postgres{settings: defaultSettings}}
	flag.IntVar(&o.rounds, "rounds", 5, "rounds")
	flag.DurationVar(&o.time, "time", 2*time.Second, "how long each load runs in a round")
	flag.IntVar(&o.clients, "clients", 25_000, "clients in the store")
	only := flag.String("only", "", "regular expression: only loads with such a name")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where the stores are; their disk is measured")
	flag.StringVar(&o.service, "service", "", "program of the service (default: build it)")
	flag.StringVar(&o.previous, "previous", "", "another program of the service to measure in the same rounds")
	flag.StringVar(&o.postgres.programs, "postgres", "/usr/lib/postgresql/15/bin", "programs of PostgreSQL; installed from Debian if missing")
	flag.IntVar(&o.postgres.pool, "pool", 64, "PostgreSQL: connections")
	flag.IntVar(&o.postgres.slowPool, "slow-pool", 128, "PostgreSQL: connections while fsync is delayed")
	flag.Func("set", "PostgreSQL: another `name=value`; may be repeated", func(setting string) error {
		o.postgres.settings = append(slices.Clone(o.postgres.settings), setting)
		return nil
	})
	flag.Parse()
	o.only = regexp.MustCompile(*only)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run makes the comparison in a folder that it removes.
func run(ctx context.Context, o options) error {
	if flag.NArg() > 0 || o.rounds < 1 || o.clients < 1 {
		return errors.New("invalid arguments")
	}
	if err := o.postgres.install(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "compare")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another user
		return err
	}
	sides, err := o.sides(ctx, dir)
	if err != nil {
		return err
	}
	if err := compareResponses(ctx, dir, sides); err != nil {
		return err
	}
	t := newTable(sides)
	for round := range o.rounds {
		for i := range sides {
			if round%2 == 1 {
				i = len(sides) - 1 - i
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, o.rounds, sides[i].name)
			if err := o.measure(ctx, filepath.Join(dir, "store"), sides[i], t); err != nil {
				return fmt.Errorf("%s: %w", sides[i].name, err)
			}
		}
	}
	t.print(os.Stdout)
	return nil
}

// measure runs all loads on one side: first with fsync as the disk has it, then with slower ones.
func (o options) measure(ctx context.Context, dir string, s side, t *table) error {
	for _, slowed := range []bool{false, true} {
		loads := slices.DeleteFunc(loadsFor(slowed, o.clients), func(l load) bool { return !o.only.MatchString(l.String()) })
		if len(loads) == 0 {
			continue
		}
		err := s.with(ctx, dir, slowed, func(r *running) error {
			if !slowed {
				if err := seed(ctx, r.address, o.clients); err != nil {
					return err
				}
			}
			for _, l := range loads {
				unix.Sync() // what was written before is not part of the load
				r.delay.Store(int64(l.delay))
				result, err := l.run(ctx, r, o.time)
				if err != nil {
					return fmt.Errorf("%s: %w", l, err)
				}
				t.add(s.name, l, result)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
