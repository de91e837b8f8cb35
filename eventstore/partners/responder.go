package partners

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"
)

const (
	group = "clients" // of the replicas of the service, one of which responds to a request

	requestLimit = 4 * time.Second // clients of NATS wait for 5 s
	stopLimit    = time.Second     // for the requests that are under way at the end
	waitingLimit = 256             // requests of one partner that wait for their turn
	perSecond    = 100             // requests of one partner that are carried out, beyond a burst of waitingLimit
	busyShare    = 200             // milliseconds of each second that the requests of one partner may take, beyond a burst of busyBurst
	busyBurst    = 2000            // milliseconds
	busyLimit    = 1000            // milliseconds that count of one request at most: during an outage it is only waited for
)

// request is a request of a partner, which gives up some time after its arrival.
type request struct {
	*nats.Msg
	arrived time.Time
}

// responder responds to the requests of partners. Those of one partner are carried out one after the other, at a limited
// rate and in a limited share of the time, so that a flood of them neither slows down commands nor evades the limit on consumers.
// The server locks the stream while it creates some consumers, for a second where there are a million clients.
type responder struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	life    context.Context
	busy    []byte                  // the response where too many requests wait
	shared  bool                    // by several partners
	waiting map[string]chan request // by partner; used by the goroutine of the subscription alone
	workers sync.WaitGroup          // one for each partner
}

// Serve responds to the requests of partners at nc until stop is called, which waits for those under way. Any number of
// replicas may serve at once. shared says that several partners log in to the servers: then they may not have consumers
// whose names the others could guess. nc should serve nothing else: what a partner sends in a flood arrives on it.
func Serve(nc *nats.Conn, shared bool) (stop func(), err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("serve partners: %w", err)
	}
	life, end := context.WithCancel(context.Background())
	r := &responder{nc: nc, js: js, life: life, shared: shared, busy: refuse(codeBusy, "too many requests of this login"), waiting: make(map[string]chan request)}
	// A subscription with wildcards: nothing that the server delivers can be addressed to it.
	sub, err := nc.QueueSubscribe(subjects+"*.>", group, r.accept)
	if err != nil {
		end()
		return nil, fmt.Errorf("serve partners: %w", err)
	}
	drained := make(chan struct{})
	sub.SetClosedHandler(func(string) {
		for _, requests := range r.waiting {
			close(requests)
		}
		close(drained)
	})
	return func() {
		defer time.AfterFunc(stopLimit, end).Stop()
		defer end()
		if sub.Drain() == nil { // what has arrived gets its response; the other replicas get what comes now
			select {
			case <-drained:
				r.workers.Wait()
			case <-life.Done():
			}
		}
	}, nil
}

// accept adds a request to those of its partner, or refuses it where too many wait.
func (r *responder) accept(m *nats.Msg) {
	partner, _, _ := strings.Cut(strings.TrimPrefix(m.Subject, subjects), ".")
	requests := r.waiting[partner]
	if requests == nil {
		requests = make(chan request, waitingLimit)
		r.waiting[partner] = requests
		r.workers.Go(func() { r.work(partner, requests) })
	}
	select {
	case requests <- request{m, time.Now()}:
	default:
		respond(m, r.busy)
	}
}

// work responds to the requests of one partner.
func (r *responder) work(partner string, requests <-chan request) {
	limiter, busy := rate.NewLimiter(perSecond, waitingLimit), rate.NewLimiter(busyShare, busyBurst)
	took := 0 // milliseconds, by requests that are not counted yet
	for m := range requests {
		waiting, stop := context.WithDeadline(r.life, m.arrived.Add(requestLimit)) // later its partner would not use what it creates
		response := r.busy
		if limiter.Wait(waiting) == nil && busy.WaitN(waiting, took) == nil {
			ctx, cancel := context.WithTimeout(r.life, requestLimit)
			begun := time.Now()
			response = r.handle(ctx, partner, strings.TrimPrefix(m.Subject, subjects+partner+"."), m.Data)
			took = min(int(time.Since(begun).Milliseconds()), busyLimit)
			cancel()
		}
		stop()
		respond(m.Msg, response)
	}
}

// handle returns the response to a request, whose subject ends with what.
func (r *responder) handle(ctx context.Context, partner, what string, body []byte) []byte {
	var accounts []string
	if rest, found := strings.CutPrefix(what, accountsToken+"."); found {
		rest, what, _ = strings.Cut(rest, ".")
		accounts = strings.Split(rest, ",")
	}
	if len(what) > subjectLimit {
		return refuse(codeBadRequest, "the subject is too long")
	}
	token, rest, _ := strings.Cut(what, ".")
	call, name, _ := strings.Cut(rest, ".")
	switch token + "." + call {
	case "info.":
		return accountInfo()
	case "stream.names":
		return streamNames(body)
	case "stream.info":
		if slices.ContainsFunc(streams, func(s upstream.Stream) bool { return s.Name == name }) {
			return r.streamInfo(ctx, name, accounts != nil)
		}
	case "consumer.create":
		return r.createConsumer(ctx, partner, accounts, name, body)
	case "consumer.delete":
		return r.deleteConsumer(ctx, partner, name)
	}
	return refuse(codeBadRequest, "bad request")
}

// streams are those that partners use.
var streams = []upstream.Stream{{Name: stream, Filter: "clients.>"}, upstream.Projects, upstream.Invoices}

// streamInfo returns the server's information of a stream, with or without counts of what is in it. The partner's own request
// is not looked at: its subjects_filter would have every subject listed.
func (r *responder) streamInfo(ctx context.Context, name string, withoutCounts bool) []byte {
	body, err := r.request(ctx, "STREAM.INFO."+name, nil)
	if err != nil {
		return refuse(codeUnavailable, "JetStream does not respond")
	}
	if withoutCounts {
		return removeCounts(body)
	}
	return body
}

// streamNames returns the names of the streams, or of the one that has the subject of a request.
func streamNames(body []byte) []byte {
	var request struct{ Subject string }
	_ = json.Unmarshal(body, &request)
	names := []string{}
	for _, s := range streams {
		if request.Subject == "" || strings.HasPrefix(request.Subject, strings.TrimSuffix(s.Filter, ">")) {
			names = append(names, s.Name)
		}
	}
	response, _ := json.Marshal(map[string]any{
		"type": "io.nats.jetstream.api.v1.stream_names_response", "streams": names, "total": len(names), "offset": 0, "limit": 1024,
	})
	return response
}

// request sends a request to the server's JetStream API.
func (r *responder) request(ctx context.Context, call string, body []byte) ([]byte, error) {
	m, err := r.nc.RequestWithContext(ctx, "$JS.API."+call, body)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func respond(m *nats.Msg, body []byte) {
	if m.Reply != "" {
		_ = m.Respond(body)
	}
}

// Errors of JetStream, without the description.
var (
	codeBadRequest  = jetstream.APIError{Code: 400, ErrorCode: 10003}
	codeNotAllowed  = jetstream.APIError{Code: 400, ErrorCode: 10012} // a consumer cannot be created
	codeNotFound    = jetstream.APIError{Code: 404, ErrorCode: 10014} // a consumer
	codeTooMany     = jetstream.APIError{Code: 400, ErrorCode: 10026} // consumers
	codeNameTaken   = jetstream.APIError{Code: 400, ErrorCode: 10148} // by another consumer
	codeBusy        = jetstream.APIError{Code: 503, ErrorCode: 10023}
	codeUnavailable = jetstream.APIError{Code: 503, ErrorCode: 10008}
)

const (
	createResponse   = "io.nats.jetstream.api.v1.consumer_create_response"
	maxRequestLength = 16 << 10
)

// refuse returns an error response of the JetStream API.
func refuse(code jetstream.APIError, format string, args ...any) []byte {
	code.Description = fmt.Sprintf(format, args...)
	body, _ := json.Marshal(map[string]any{"type": createResponse, "error": code})
	return body
}
