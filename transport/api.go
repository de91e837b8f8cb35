// Package transport serves the Clients API over HTTP, and the endpoints that its operators look at.
//
// A request becomes an exchange, which knows who sent it, what it is about and how it is to be answered; a file of its
// own holds each of these questions, and clients.go what the calls do.
package transport

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"clients/domain"
	"clients/domain/command"
	"clients/projections/readmodel"
	"clients/transport/auth"

	"github.com/klauspost/compress/gzhttp"
	"go.opentelemetry.io/otel/trace"
)

// Commands carries out what changes clients.
type Commands interface {
	Handle(context.Context, command.Request) (command.Result, error)
}

// Directory is what is read.
type Directory interface {
	Client(account string, id int64) (domain.Client, bool)
	List(account string) readmodel.Listing
	UpdatedSince(account string, since time.Time) readmodel.Listing
	// Refresh returns as soon as reads show all that was stored when it was called.
	Refresh(context.Context) error
}

// API tells what the handler of the Clients API works with.
type API struct {
	Commands  Commands
	Directory Directory
	// Eventual leaves reads as they are, instead of refreshing the directory before each of them.
	Eventual bool
	// Logins are the users who may send requests. If it is nil no login is needed, and all requests are for
	// domain.DefaultAccount.
	Logins auth.Users
	// TrustedProxies are the networks whose X-Forwarded-For is used as the caller's address.
	TrustedProxies []netip.Prefix
	// Hosts are those that requests may be for, and come from.
	Hosts Hosts
	// RateLimit is how many requests a user may send within 15 s; 0 for any number.
	RateLimit int
	// MemoryLimit is how many bytes the process may use; 0 for any number.
	MemoryLimit int64
	Metrics     *Metrics
	Tracer      trace.Tracer // nil where requests are not traced
	Log         *slog.Logger

	buffers, chunks *bufferPool // for whole answers, and for chunks of long ones
	login           *auth.Login
	rateLimit       *auth.RateLimit
	bodies          *budget // of request bodies
	responses       *budget // of large responses, and compressors
}

// Handler serves the Clients API.
func (a API) Handler() (http.Handler, error) {
	a.buffers = &bufferPool{size: 8 << 10}
	a.chunks = &bufferPool{size: chunk + 16<<10} // with room for the client that fills it
	a.rateLimit = auth.NewRateLimit(a.RateLimit, a.Metrics.auth)
	if a.MemoryLimit > 0 {
		a.bodies = newBudget(a.MemoryLimit, bodyShare, maxBody*bodyCost)
		a.responses = newBudget(a.MemoryLimit, responseShare, largeResponse+compressorCost)
	}
	if a.Logins != nil {
		a.login = auth.NewLogin(a.Logins, a.Metrics.auth, a.Log)
	}
	compress, err := gzhttp.NewWrapper(gzhttp.SuffixETag(tagCompressed), gzhttp.EnableZstd(false), gzhttp.MinSize(minCompressed))
	if err != nil {
		return nil, err
	}
	return withSpelling(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := a.newExchange(w, r)
		defer x.release() // when the compressor has sent the last of the response
		compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			x.w.ResponseWriter = w
			defer x.end()
			x.serve()
		})).ServeHTTP(w, r)
	})), nil
}

// minCompressed is the size in bytes below which an answer gets larger by being compressed.
const minCompressed = 128

// Limits of the servers. A response may take longer than writeTimeout as long as its reader goes on reading.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// NewServer makes a server whose connections cannot be held open by doing nothing.
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
