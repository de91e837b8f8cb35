package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
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
func (x *exchange) readBody() error {
	if x.r.Body == http.NoBody {
		return nil
	}
	if x.r.ContentLength > maxBody {
		return errTooLarge
	}
	if x.r.ContentLength > smallBody {
		if err := x.reserve(x.api.bodies, x.r.ContentLength*bodyCost); err != nil {
			return err
		}
	}
	var body bytes.Buffer
	if x.r.ContentLength > 0 {
		body.Grow(int(x.r.ContentLength) + bytes.MinRead) // which ReadFrom fills without growing it
	}
	_, err := body.ReadFrom(io.LimitReader(x.r.Body, smallBody))
	if err == nil && body.Len() == smallBody {
		if x.r.ContentLength < 0 {
			if err := x.reserve(x.api.bodies, maxBody*bodyCost); err != nil {
				return err
			}
		}
		_, err = body.ReadFrom(http.MaxBytesReader(&x.w, x.r.Body, maxBody-smallBody))
	}
	x.body = body.Bytes()
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
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
func (x *exchange) expectsContinue() bool { return x.r.Header.Get("Expect") != "" }

// discardBody reads the rest of the body before a refusal is sent, so that the connection can be used for the next
// request. It reports whether the body is at its end. A caller that waits for 100 Continue is asked for the body only when
// it has to log in, since it will send the same request again.
func (x *exchange) discardBody(status int) bool {
	if x.r.Body == nil || x.r.Body == http.NoBody {
		return true
	}
	if x.r.ContentLength > maxBody || x.expectsContinue() && status != http.StatusUnauthorized {
		return false
	}
	_, err := io.CopyN(io.Discard, x.r.Body, maxBody+1)
	return err == io.EOF
}

// finishBody discards what the caller goes on sending after an early refusal. A caller that waits for 100 Continue and has
// been refused sends nothing, as a rule.
func (x *exchange) finishBody() {
	if x.body = nil; !x.lingers {
		return
	}
	wait := lingerTime
	if x.expectsContinue() {
		wait = expectingLingerTime
	}
	controller := http.NewResponseController(&x.w)
	if controller.Flush() == nil && controller.SetReadDeadline(time.Now().Add(wait)) == nil {
		x.release()
		_, _ = io.CopyN(io.Discard, x.r.Body, lingerBytes)
	}
}
