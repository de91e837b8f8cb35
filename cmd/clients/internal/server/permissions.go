package server

import (
	"strings"
	"sync/atomic"
	"time"

	"clients/cmd/clients/internal/natsconn"

	"github.com/nats-io/nats.go"
)

// deniedShown is how long /readyz and the metrics show that NATS has denied a permission. Some are used every few minutes only.
const deniedShown = 10 * time.Minute

// permissions is what NATS has denied the service's user most recently. NATS reports that to the connection. A denied request gets
// no response, and its error does not name the reason.
type permissions struct{ last atomic.Pointer[denial] }

type denial struct {
	what string // in the server's words
	at   time.Time
}

// watch takes note of what is denied on a connection from now on.
func (p *permissions) watch(nc *nats.Conn) {
	report := nc.ErrorHandler()
	nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		report(nc, sub, err)
		if what := natsconn.Denied(err); what != "" {
			p.last.Store(&denial{what, time.Now()})
		}
	})
}

// denied returns what was denied within deniedShown, "" if nothing was.
func (p *permissions) denied() string {
	if last := p.last.Load(); last != nil && time.Since(last.at) < deniedShown {
		return last.what
	}
	return ""
}

// explain adds to the text of /readyz what was denied, which may be the cause.
func (p *permissions) explain(text string) string {
	what := p.denied()
	if text == "" || what == "" || strings.Contains(text, what) {
		return text
	}
	return text + " (permission denied by NATS: " + what + ")"
}
