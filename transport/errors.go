package transport

import (
	"errors"
	"net/http"
	"time"

	"clients/domain"
	"clients/transport/auth"
	"clients/transport/wire"
)

// statusOf maps the kinds of domain errors to statuses.
var statusOf = map[domain.Kind]int{
	domain.Invalid:     http.StatusBadRequest,
	domain.NotFound:    http.StatusNotFound,
	domain.Blocked:     http.StatusBadRequest,
	domain.Stale:       http.StatusPreconditionFailed,
	domain.KeyReused:   http.StatusUnprocessableEntity,
	domain.Conflict:    http.StatusServiceUnavailable,
	domain.Unavailable: http.StatusServiceUnavailable,
}

// httpError is a refusal by this package.
type httpError struct {
	status     int
	message    string
	retryAfter time.Duration // 0 if retrying does not help
}

func (e *httpError) Error() string { return e.message }

var (
	errNoRoute     = &httpError{http.StatusNotFound, "There is nothing here.", 0}
	errHost        = &httpError{http.StatusMisdirectedRequest, "This host name is not accepted. CLIENTS_ALLOWED_HOSTS lists the names that are.", 0}
	errCrossOrigin = &httpError{http.StatusForbidden, "The request comes from a page of another site. CLIENTS_ALLOWED_HOSTS lists the hosts whose pages may send it.", 0}
	errMethod      = &httpError{http.StatusMethodNotAllowed, "The method is not allowed here.", 0}
	errTooLarge    = &httpError{http.StatusRequestEntityTooLarge, "The request body is larger than 1 MiB.", 0}
	errMemory      = &httpError{http.StatusServiceUnavailable, "Too many large requests are under way. Try again later.", time.Second}
	errMediaType   = &httpError{http.StatusUnsupportedMediaType, "The request body must be XML, JSON or a form.", 0}
	errCoding      = &httpError{http.StatusUnsupportedMediaType, "The request body must not be compressed.", 0}
	errBody        = &httpError{http.StatusBadRequest, "The request body could not be read.", 0}
	errQuery       = &httpError{http.StatusBadRequest, "The query string is malformed.", 0}
	errSince       = &httpError{http.StatusBadRequest, "updated_since is not a date and time, as in 2010-09-25 18:30.", 0}
	errKey         = &httpError{http.StatusBadRequest, "An Idempotency-Key has 1 to 255 characters.", 0}
	errInternal    = &httpError{http.StatusInternalServerError, "Something went wrong on our side.", 0}
)

// fail responds with an error. An error that was not made for the caller becomes a 500 without its text.
func (x *exchange) fail(err error) {
	status, message, wait := http.StatusInternalServerError, errInternal.message, time.Duration(0)
	var known *domain.Error
	var syntax *wire.SyntaxError
	var own *httpError
	var refusal *auth.Refusal
	switch {
	case errors.As(err, &own):
		status, message, wait = own.status, own.message, own.retryAfter
	case errors.As(err, &refusal):
		status, message, wait = refusal.Status, refusal.Message, refusal.RetryAfter
	case errors.As(err, &syntax):
		status, message = http.StatusBadRequest, syntax.Reason
	case errors.As(err, &known):
		status, message = statusOf[known.Kind], known.Message
	}
	x.heldOff = wait > 0
	if status >= http.StatusInternalServerError && !x.heldOff {
		x.api.Log.Error("request failed", "request_id", x.requestID, "status", status, "error", err,
			"outcome_unknown", errors.Is(err, domain.ErrUnknownOutcome))
	}
	header := x.w.Header()
	switch status {
	case http.StatusBadRequest:
		header["Hint"] = []string{message}
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Basic realm="Clients API", charset="UTF-8"`)
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", auth.Seconds(wait))
	}
	header.Del("ETag")
	x.vary()
	if status == http.StatusRequestEntityTooLarge || errors.Is(err, errMemory) || !x.discardBody(status) {
		x.lingers = http.NewResponseController(&x.w).EnableFullDuplex() == nil
		header.Set("Connection", "close")
	}
	var body []byte
	if x.format == formatJSON {
		body = wire.AppendJSONError(nil, message)
	} else {
		body = wire.AppendXMLError(nil, message)
	}
	x.write(status, body)
}
