package e2e_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// binary is the path of the program under test, and racing that of the one with the race detector, if the tests have it.
var binary, racing string

// serviceOf returns the program that a test starts as the service. In tests of faults, where many callers and replicas are at
// work, it has the race detector. It costs several times the processor time, and all tests together would take ten minutes.
func serviceOf(t testing.TB) string {
	readSources()
	if racing != "" && strings.HasPrefix(t.Name(), "TestFaults") {
		return racing
	}
	return binary
}

// readSources makes go test run tests again when a file of the program has changed: they do not import what they test, and what
// a test reads counts for the cache of its result.
var readSources = sync.OnceFunc(func() {
	for _, dir := range []string{"cmd", "domain", "eventstore", "projections", "transport"} {
		_ = filepath.WalkDir(filepath.Join(root, dir), func(string, fs.DirEntry, error) error { return nil })
	}
})

// parallel is the default number of tests that run at once: most of them wait for processes most of the time.
const parallel = "4"

// previous is the program of another commit, which the upgrade tests run beside it and benchmarks compare with it.
var previous = flag.String("previous", "", "path of the program of another commit")

func TestMain(m *testing.M) {
	natstest.Main()
	serveStatic()
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", parallel)
	}
	os.Exit(buildAndRun(m))
}

// buildAndRun builds the programs and runs the tests.
func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "clients-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "clients")
	builds := [][]string{{"build", "-o", binary}}
	if raceEnabled {
		racing = filepath.Join(dir, "clients-race")
		builds = append(builds, []string{"build", "-race", "-o", racing})
	}
	for _, args := range builds {
		if out, err := exec.Command("go", append(args, "clients/cmd/clients")...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
	}
	return runAndEndShared(m, dir)
}

// timeout is how long a test waits for a condition, on a busy machine. It checks after firstPause and then at growing
// intervals, because reading the metrics costs more than what a test waits for.
const (
	timeout      = time.Minute
	firstPause   = 10 * time.Millisecond
	longestPause = 160 * time.Millisecond
)

// eventually waits until condition holds.
func eventually(t testing.TB, condition func() bool, message string, args ...any) {
	t.Helper()
	eventuallyWithin(t, timeout, condition, message, args...)
}

// eventuallyWithin is eventually with another limit.
func eventuallyWithin(t testing.TB, limit time.Duration, condition func() bool, message string, args ...any) {
	t.Helper()
	begun := time.Now()
	for pause := firstPause; !condition(); pause = min(2*pause, longestPause) {
		if time.Since(begun) > limit {
			require.Fail(t, "did not happen in "+limit.String(), append([]any{message}, args...)...)
		}
		time.Sleep(pause)
	}
}
