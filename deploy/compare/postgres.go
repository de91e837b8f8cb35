package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// postgres is a PostgreSQL to be started with some settings, and the size of the rival's pool.
type postgres struct {
	programs       string
	settings       []string
	pool, slowPool int
}

// defaultSettings are those that were the best of what was tried, see README.md. Every commit is flushed to disk, and pages
// are safe from torn writes; checkpoints do not happen within a load.
var defaultSettings = []string{
	"fsync=on", "synchronous_commit=on", "full_page_writes=on", "wal_sync_method=fdatasync",
	"shared_buffers=512MB", "wal_buffers=16MB", "max_wal_size=8GB", "min_wal_size=1GB", "checkpoint_timeout=30min",
	"wal_level=minimal", "max_wal_senders=0", "max_connections=200", "jit=off", "max_parallel_workers_per_gather=0",
	"update_process_title=off",
}

// install installs PostgreSQL 15 from Debian if its programs are missing. The server that the package may start is not used.
func (p postgres) install(ctx context.Context) error {
	program := filepath.Join(p.programs, "postgres")
	if _, err := os.Stat(program); err == nil {
		return nil
	}
	for _, arguments := range [][]string{{"update", "-q"}, {"install", "-qy", "--no-install-recommends", "postgresql-15"}} {
		c := exec.CommandContext(ctx, "apt-get", arguments...)
		c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		c.Stdout, c.Stderr = os.Stderr, os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("install PostgreSQL, as root: apt-get %s: %w", arguments[0], err)
		}
	}
	_, err := os.Stat(program)
	return err
}

// start starts PostgreSQL and the rival.
func (p postgres) start(ctx context.Context, dir, rival string, r *running) error {
	owner, err := unprivileged()
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if owner != nil {
		if err := os.Chown(data, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	command := func(program string, arguments ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, filepath.Join(p.programs, program), arguments...)
		c.Dir, c.SysProcAttr = data, &syscall.SysProcAttr{Credential: owner}
		return c
	}
	initdb := command("initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, output)
	}
	arguments := []string{"-D", data, "-k", data, "-c", "listen_addresses="}
	for _, setting := range p.settings {
		arguments = append(arguments, "-c", setting)
	}
	server := command("postgres", arguments...)
	server.Cancel = func() error { return server.Process.Signal(syscall.SIGQUIT) } // its backends end with it
	if err := r.launch(server, filepath.Join(dir, "postgres.log")); err != nil {
		return err
	}
	for begun := time.Now(); command("pg_isready", "-q", "-h", data).Run() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			return errors.New("PostgreSQL does not start")
		}
	}
	pool := p.pool
	if r.slowed {
		pool = p.slowPool
	}
	url := fmt.Sprintf("host=%s user=postgres dbname=postgres pool_max_conns=%d pool_min_conns=%d", data, pool, pool)
	return r.launch(exec.Command(rival, r.address, url), filepath.Join(dir, "rival.log"))
}

// unprivileged returns who PostgreSQL runs as if this process is root's: the user of Debian's package.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}
