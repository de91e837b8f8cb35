package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// side is a service that can be started.
type side struct {
	name  string
	start func(ctx context.Context, dir string, r *running) error
}

// running is a side with its store.
type running struct {
	address   string // of the API
	processes []*exec.Cmd
	slowed    bool         // every fsync of the processes takes longer by delay
	delay     atomic.Int64 // a time.Duration
}

// sides builds the programs. The side on PostgreSQL is the last.
func (o options) sides(ctx context.Context, dir string) ([]side, error) {
	rival := filepath.Join(dir, "rival")
	if err := build(ctx, ".", rival, "./rival"); err != nil {
		return nil, err
	}
	program := o.service
	if program == "" {
		program = filepath.Join(dir, "clients")
		if err := build(ctx, "../..", program, "./cmd/clients"); err != nil {
			return nil, err
		}
	}
	all := []side{{"service", serviceOf(program)}}
	if o.previous != "" {
		all = append(all, side{"previous", serviceOf(o.previous)})
	}
	return append(all, side{"PostgreSQL", func(ctx context.Context, dir string, r *running) error {
		return o.postgres.start(ctx, dir, rival, r)
	}}), nil
}

func build(ctx context.Context, dir, output, of string) error {
	c := exec.CommandContext(ctx, "go", "build", "-o", output, of)
	c.Dir, c.Stderr = dir, os.Stderr
	return c.Run()
}

// serviceOf starts the service with its defaults, on free ports.
func serviceOf(program string) func(context.Context, string, *running) error {
	return func(_ context.Context, dir string, r *running) error {
		c := exec.Command(program, "serve")
		c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CLIENTS_") }),
			"CLIENTS_HTTP_ADDR="+r.address, "CLIENTS_OPS_ADDR=127.0.0.1:0", "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0",
			"CLIENTS_DATA_DIR="+filepath.Join(dir, "data"))
		return r.launch(c, filepath.Join(dir, "clients.log"))
	}
}

// with starts a side in the folder dir, waits until it is ready, calls use and removes everything.
func (s side) with(ctx context.Context, dir string, slowed bool, use func(*running) error) (err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &running{address: freeAddress(), slowed: slowed}
	defer r.stop()
	if err = s.start(ctx, dir, r); err == nil {
		err = r.awaitReady(ctx)
	}
	if err == nil {
		err = use(r)
	}
	if err != nil {
		err = fmt.Errorf("%w%s", err, lastLines(dir))
	}
	return err
}

// launch starts a process that belongs to the side.
func (r *running) launch(c *exec.Cmd, log string) error {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	c.Stdout, c.Stderr = file, file
	if r.slowed {
		err = startSlowed(c, &r.delay)
	} else {
		err = c.Start()
	}
	if err == nil {
		r.processes = append(r.processes, c)
	}
	return err
}

// stop ends all processes at once: the stores are not used again.
func (r *running) stop() {
	r.delay.Store(0)
	for _, c := range slices.Backward(r.processes) {
		_ = c.Process.Signal(syscall.SIGQUIT) // on which PostgreSQL ends its backends, and Go programs end, too
		_ = c.Wait()
	}
}

// awaitReady returns when the API can read its store.
func (r *running) awaitReady(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + r.address + "/clients/1")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusNotFound {
			return nil
		}
	}
	return errors.Join(errors.New("not ready"), ctx.Err())
}

// lastLines returns the ends of the logs in dir.
func lastLines(dir string) (text string) {
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, log := range logs {
		content, _ := os.ReadFile(log)
		text += fmt.Sprintf("\n%s: %s", filepath.Base(log), content[max(0, len(content)-2000):])
	}
	return text
}

// freeAddress returns a port on which no connection can begin: those of connections are higher.
func freeAddress() string {
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 15_000+rand.IntN(15_000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
}
