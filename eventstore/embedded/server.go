// Package embedded runs a NATS server with JetStream inside the process, over a store in the data directory:
//
//	lock              held while a process uses the directory
//	nats/             the server's own files
//	high-water        how far the stream of events has come, see HighWater
//	nats-address      where the running server listens, for other programs
//	admin-password    of the administrator, who may do everything
//	partner-password  of partners, who may read events and publish to PROJECTS and INVOICES
//	restoring/        a store that a restore has not finished, see Draft
//
// A start goes through these steps, and is refused, with the store as it was, when one of them fails:
//
//	lock -> no restore unfinished -> scan of the files -> high-water mark -> repair -> server
//
// The scan has to come before the server, which cuts files off where it cannot read them. The repair removes files that a
// killed server has left, and overwrites messages whose overwriting was interrupted. For that it writes their block anew: on
// a full disk the server starts without, see Unrepaired. While the server runs, DiskFull and WriteFault say whether it still
// accepts writes: after a full disk or a failed sync it has to be started again.
//
// What the server acknowledges is synced to disk.
package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"clients/eventstore"
	"clients/eventstore/files"
	"clients/eventstore/loglimit"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Errors of a data directory that cannot be used.
var (
	ErrLocked     = errors.New("the data directory is in use by another process")
	ErrUnfinished = errors.New("the data directory holds an unfinished restore: run it again, or remove its remains")
	ErrStoreThere = errors.New("the data directory holds a store already")
	ErrNotRunning = errors.New("no service runs there")
)

// Config is the configuration of a Server.
type Config struct {
	Dir  string // the data directory; created when missing
	Addr string // host:port to listen on; port 0 picks a free one. Empty: connections from within the process only
	// Partners is how partners connect to Addr.
	Partners PartnerAccess
	// Memory is a folder in memory (tmpfs) where batches of events are staged; empty for /dev/shm. Where it is none, they are
	// staged on disk, which takes longer.
	Memory string
	Log    *slog.Logger
}

// Server is a running server. All methods are safe for concurrent use.
type Server struct {
	HighWater *HighWater
	// Unrepaired is why messages that were deleted may still be in the files: the disk was full. nil where none are.
	Unrepaired error

	dir            string
	staging        *staging // nil if batches are staged on disk
	server         *server.Server
	lock           *flock.Flock
	admin          string // the administrator's password, "" where the server does not listen
	addressWritten bool

	mu  sync.Mutex
	own []*nats.Conn // of this process
}

// Start starts a server over the store in config.Dir. The errors are
//   - ErrLocked when another process uses the store,
//   - an error of net.Listen when the address is taken,
//   - ErrUnfinished when a restore into the directory was interrupted,
//   - a *blockfile.DamagedError when a message, of any stream, or the high-water mark is not what was written,
//   - eventstore.ErrIncomplete when messages are missing from the stream of events,
//   - eventstore.ErrWentBackwards when that stream ends before the high-water mark.
//
// In all these cases the store is left as it was.
func Start(config Config) (_ *Server, err error) {
	options := &server.Options{DontListen: config.Addr == "", SyncAlways: true}
	if !options.DontListen {
		if options.Host, options.Port, err = freeAddress(config.Addr); err != nil {
			return nil, fmt.Errorf("start embedded server: %w", err)
		}
	}
	s := &Server{dir: config.Dir}
	defer func() {
		if err != nil {
			s.Shutdown()
		}
	}()
	if err := s.open(config.Log); err != nil {
		return nil, err
	}
	if !options.DontListen {
		if s.admin, err = setAccess(options, s.dir, config.Partners); err != nil {
			return nil, fmt.Errorf("start embedded server: %w", err)
		}
	}
	if err := s.run(filepath.Join(s.dir, storeName), options, config.Log); err != nil {
		return nil, fmt.Errorf("start embedded server: %w", err)
	}
	if s.staging, err = newStaging(config.Dir, cmp.Or(config.Memory, defaultMemory)); err != nil {
		config.Log.Info("batches of events are staged on disk", "reason", err)
		s.staging = nil
	}
	return s, nil
}

// open takes the lock of the data directory and checks what is in it.
func (s *Server) open(log *slog.Logger) (err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("start embedded server: %w", err)
	}
	if s.lock, err = lockDir(s.dir); err != nil {
		return err
	}
	// After a kill another user's process may listen at the address of the killed server.
	if err := os.RemoveAll(filepath.Join(s.dir, addressName)); err != nil {
		return fmt.Errorf("start embedded server: %w", err)
	}
	if err := unfinished(s.dir); err != nil {
		return err
	}
	store := filepath.Join(s.dir, storeName)
	found, err := scan(store)
	if err != nil {
		return err
	}
	if s.HighWater, err = openHighWater(filepath.Join(s.dir, highWaterName), found.last); err != nil {
		return err
	}
	if reached := s.HighWater.Sequence(); found.last < reached {
		return fmt.Errorf("%w: it reached sequence %d and now ends at %d", eventstore.ErrWentBackwards, reached, found.last)
	}
	if err = found.repair(store); errors.Is(err, syscall.ENOSPC) { // reads go on
		log.Error("deleted messages not overwritten", "error", err, "hint", "free space on the disk, and start again")
		s.Unrepaired, err = err, nil
	}
	return err
}

const (
	startLimit = 30 * time.Second
	unlimited  = math.MaxInt64 / 2
)

// connectionLimit includes connections that have not logged in yet. The account of partners has fewer.
const connectionLimit = 128

// What is in the data directory, beside the files of access and draft.
const (
	storeName     = "nats"
	lockName      = "lock"
	highWaterName = "high-water"
)

// run starts the server over a store, and writes the address file.
func (s *Server) run(store string, options *server.Options, log *slog.Logger) (err error) {
	options.ServerName = "clients-embedded"
	options.JetStream = true
	options.StoreDir = store
	options.JetStreamMaxStore = unlimited // its own limit is fixed when it starts; see DiskFull for what holds instead
	options.MaxConn = connectionLimit
	options.MaxPending = pendingLimit
	options.NoSigs = true
	if options.DontListen { // it serves a command, which adds to a message that is as large as a client may send
		options.MaxPayload = 2 * server.MAX_PAYLOAD_SIZE
	}
	if s.server, err = server.NewServer(options); err != nil {
		return err
	}
	s.server.SetLoggerV2(serverLog{loglimit.New(log)}, false, false, false)
	s.server.Start()
	if !s.server.ReadyForConnections(startLimit) {
		return errors.New("not ready in time, see the log")
	}
	if options.DontListen {
		return nil
	}
	account, err := s.server.LookupAccount(streamsAccount)
	if err == nil {
		err = account.EnableJetStream(nil, nil) // which a server with accounts does not do by itself
	}
	if err != nil {
		return err
	}
	err = s.WriteAddress()
	if err != nil && s.DiskFull() != "" { // reads go on without it
		log.Warn("server address not written", "error", err)
		return nil
	}
	return err
}

// WriteAddress writes the file with the address, which Start has not done on a full disk.
func (s *Server) WriteAddress() error {
	if s.admin == "" || s.addressWritten {
		return nil
	}
	err := files.Replace(filepath.Join(s.dir, addressName), []byte(strings.TrimPrefix(s.URL(), "nats://")))
	s.addressWritten = err == nil
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// freeAddress makes sure that a server can listen on addr. Port 0 is left to the server to choose.
func freeAddress(addr string) (host string, port int, err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", 0, err
	}
	defer listener.Close()
	host, number, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	if port, err = strconv.Atoi(number); port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, err
}

// URL is where other programs can connect.
func (s *Server) URL() string { return s.server.ClientURL() }

// Connect connects within the process, as the administrator. A busy machine may take longer for that than nats.go allows
// for a connection to another machine. It cannot break, so that pings find out nothing.
func (s *Server) Connect(options ...nats.Option) (*nats.Conn, error) {
	options = append(options, nats.InProcessServer(s.server), nats.Timeout(startLimit), nats.PingInterval(nats.DefaultPingInterval))
	if s.admin != "" {
		options = append(options, nats.UserInfo(adminUser, s.admin))
	}
	nc, err := nats.Connect("", options...)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.own = append(s.own, nc)
	}
	return nc, err
}

// Alone reports whether this process has the only connections that may store events: no other one has logged in as the
// administrator.
func (s *Server) Alone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := 0
	for _, nc := range s.own {
		if nc.IsConnected() {
			own++
		}
	}
	account, err := s.server.LookupAccount(streamsAccount)
	return err == nil && account.NumLocalConnections() <= own
}

// Shutdown stops the server and unlocks the data directory. It may be called on one that did not start.
func (s *Server) Shutdown() {
	if s.addressWritten {
		_ = os.Remove(filepath.Join(s.dir, addressName))
	}
	s.stop()
	if s.staging != nil {
		s.staging.close()
	}
	if s.HighWater != nil {
		_ = s.HighWater.close()
	}
	if s.lock != nil {
		_ = s.lock.Unlock()
	}
}

func (s *Server) stop() {
	if s.server != nil {
		s.server.Shutdown()
		s.server.WaitForShutdown()
	}
}
