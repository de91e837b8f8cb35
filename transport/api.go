// Package transport serves the Clients API over HTTP, and the operations endpoints.
//
// # Flow of a request
//
//	spelledWriter    spells a header of the response as old client libraries expect
//	begin            request id, route, format of the response, trace
//	compress         gzip, if the caller accepts it
//	Hosts.check      protects against DNS rebinding and requests from other sites
//	admit            login and rate limit, in package auth
//	readBody         within the memory limit
//	the call         in clients.go, account.go and console.go, by resource and method: see callsOf in route.go
//	send or fail     the response, in XML or JSON
//	end              metrics, access log, trace; a panic becomes a 500
//
// A call gets a request and a response: what the caller sent is in request.go, request_body.go and attributes.go, what is
// sent back in response.go. A write becomes a command.Request. A read takes its clients from the Directory, after
// it was refreshed. A call that returns an error has sent nothing: API.fail makes the response, by the table statusOf.
//
// # Subpackages
//
//   - wire encodes and decodes clients
//   - lists encodes lists of them, and keeps those that do not change
//   - auth decides who sends a request and whether it is admitted
//   - credentials holds the users who may log in
//   - reload reads files again that change while the service runs
//   - connections bounds the connections
//   - sse writes server-sent events
//   - console makes the pages of the console
//   - contracts holds the OpenAPI and AsyncAPI documents
//
// # Limits
//
// Memory for bodies, large responses and compressors is reserved from budgets, see memory.go; beyond them callers get 503.
// A response may take any time, as long as its reader goes on reading.
package transport

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"clients/domain"
	"clients/domain/command"
	"clients/projections/feed"
	"clients/projections/readmodel"
	"clients/projections/timeline"
	"clients/transport/auth"
	"clients/transport/lists"

	"github.com/klauspost/compress/gzhttp"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"
)

// Commands carries out commands.
type Commands interface {
	Handle(context.Context, command.Request) (command.Result, error)
}

// Directory is the read model.
type Directory interface {
	Client(account string, id int64) (client domain.Client, sequence uint64, found bool)
	List(account string) readmodel.Listing
	UpdatedSince(account string, since time.Time) readmodel.Listing
	// Clock returns the time of the last event.
	Clock() time.Time
	// Refresh waits until reads show everything that was stored when it was called.
	Refresh(context.Context) error
}

// API is the configuration of the Clients API.
type API struct {
	Commands  Commands
	Directory Directory
	// Timeline returns earlier versions of clients.
	Timeline timeline.Timeline
	// Epoch identifies the history that the sequences of the Directory belong to.
	Epoch func() string
	// Feeds passes on events as they happen.
	Feeds *feed.Hub
	// ReadOnly returns why writes are refused at present, "" if they are not.
	ReadOnly func() string
	// Eventual turns off the refresh of the directory before each read.
	Eventual bool
	// Logins are the users who may send requests. If it is nil no login is needed, and all requests are for
	// domain.DefaultAccount.
	Logins auth.Users
	// TrustedProxies are the networks whose X-Forwarded-For is used as the caller's address.
	TrustedProxies []netip.Prefix
	// Hosts are the hosts that requests may be for, and come from.
	Hosts Hosts
	// RateLimit is how many requests a user may send within 15 s; 0 for any number.
	RateLimit int
	// FeedLimit is how many feeds a user may have open.
	FeedLimit int
	// Draining ends each connection with the next response, so that callers move to other replicas before a shutdown. A connection
	// that the server closed between two requests instead could lose a request that is already on its way.
	Draining *atomic.Bool
	// MemoryLimit is how many bytes the process may use; 0 for any number.
	MemoryLimit int64
	Metrics     *Metrics
	Tracer      trace.Tracer // nil if requests are not traced
	Log         *slog.Logger
	// LogFrom is the lowest status of a response whose request is logged; 0 for all.
	LogFrom int

	login     *auth.Login
	rateLimit *auth.RateLimit
	bodies    *semaphore.Weighted // of request bodies
	responses *semaphore.Weighted // of large responses, and compressors
	feeds     *semaphore.Weighted
	catchUps  *semaphore.Weighted // of feeds that read the stream
	lists     *lists.Kept
	openFeeds *auth.FeedLimit
}

// Handler returns the handler of the Clients API.
func (a *API) Handler() (http.Handler, error) {
	a.rateLimit = auth.NewRateLimit(a.RateLimit, a.Metrics.auth)
	a.openFeeds = auth.NewFeedLimit(a.FeedLimit, a.Metrics.feeds)
	memory := cmp.Or(a.MemoryLimit, math.MaxInt64)
	a.bodies = newBudget(memory, bodyShare, maxBody*bodyCost)
	a.responses = newBudget(memory, responseShare, max(largeResponse+compressorCost, streamCost))
	a.feeds = newBudget(memory, feedShare, feedCost)
	a.catchUps = newBudget(memory, catchUpShare, streamCost)
	a.lists = lists.NewKept(memory / listShare)
	if a.Logins != nil {
		a.login = auth.NewLogin(a.Logins, a.Metrics.auth, a.Log)
	}
	compress, err := gzhttp.NewWrapper(gzhttp.SuffixETag(tagCompressed), gzhttp.EnableZstd(false), gzhttp.MinSize(minCompressed))
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w = spelledWriter{w}
		x := a.begin(w, r)
		defer x.w.reserved.release() // when the compressor has sent the last of the response
		compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			x.w.ResponseWriter = w
			defer a.end(&x.w, &x.r)
			if err := a.serve(&x.w, &x.r); err != nil {
				a.fail(&x.w, &x.r, err)
			}
		})).ServeHTTP(w, r)
	}), nil
}

// minCompressed is the size in bytes below which compression makes a response larger.
const minCompressed = 128

// Limits of the servers. A response may take longer than writeTimeout as long as its reader goes on reading.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// NewServer returns a server with timeouts for everything that a caller may be slow at.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// OPTIONS * is a request like any other.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
