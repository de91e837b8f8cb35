package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxBody bounds the body of a request.
	maxBody = 1 << 20
	// smallBody is the size up to which the memory of a body is counted with its connection. Larger ones share the
	// budget of bodies, so that those who use it up do not keep out ordinary requests.
	smallBody = 64 << 10
	// bodyCost is what a byte of a larger body is counted with: itself, and what it is decoded to.
	bodyCost = 2
)

// readBody reads the request's body, whatever the call does with it, so that the caller can read the response and use
// the connection again. It returns errTooLarge before a caller that waits for 100 Continue sends anything.
func (r *request) readBody(w *response, bodies *semaphore.Weighted) error {
	if r.Body == http.NoBody {
		return nil
	}
	if r.ContentLength > maxBody {
		return errTooLarge
	}
	if r.ContentLength > smallBody {
		if err := w.reserved.reserve(bodies, r.ContentLength*bodyCost); err != nil {
			return err
		}
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(r.ContentLength) + bytes.MinRead) // which ReadFrom fills without growing it
	}
	_, err := body.ReadFrom(io.LimitReader(r.Body, smallBody))
	if err == nil && body.Len() == smallBody {
		if r.ContentLength < 0 {
			if err := w.reserved.reserve(bodies, maxBody*bodyCost); err != nil {
				return err
			}
		}
		_, err = body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody-smallBody))
	}
	r.body = body.Bytes()
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return errTooLarge
	}
	if err != nil {
		return errBody
	}
	return nil
}

// Bounds of what is discarded of the body of a refused request, so that its caller can read the response: many send all
// before they read, and those that are cut off lose the response.
const (
	lingerBytes = 16 << 20
	lingerTime  = 5 * time.Second

	expectingLingerTime = 100 * time.Millisecond
)

// expectsContinue reports whether the caller waits before it sends the body.
func (r *request) expectsContinue() bool { return r.Header.Get("Expect") != "" }

// discardBody reads the rest of the body before a refusal is sent, so that the connection can be used for the next
// request. It reports whether the body is at its end. A caller that waits for 100 Continue is asked for the body only when
// it has to log in, since it will send the same request again.
func (r *request) discardBody(status int) bool {
	if r.Body == nil || r.Body == http.NoBody {
		return true
	}
	if r.ContentLength > maxBody || r.expectsContinue() && status != http.StatusUnauthorized {
		return false
	}
	_, err := io.CopyN(io.Discard, r.Body, maxBody+1)
	return err == io.EOF
}

// finishBody discards what the caller goes on sending after an early refusal. A caller that waits for 100 Continue and has
// been refused sends nothing, as a rule.
func (r *request) finishBody(w *response) {
	if r.body = nil; !w.lingers {
		return
	}
	wait := lingerTime
	if r.expectsContinue() {
		wait = expectingLingerTime
	}
	controller := http.NewResponseController(w)
	if controller.Flush() == nil && controller.SetReadDeadline(time.Now().Add(wait)) == nil {
		w.reserved.release()
		_, _ = io.CopyN(io.Discard, r.Body, lingerBytes)
	}
}
