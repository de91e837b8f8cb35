package transport

import (
	"errors"
	"net/http"

	"clients/domain"
	"clients/domain/command"
	"clients/transport/wire"
)

// statusOf is the one table from kinds of errors to HTTP.
var statusOf = map[domain.Kind]int{
	domain.Invalid:     http.StatusBadRequest,
	domain.NotFound:    http.StatusNotFound,
	domain.Blocked:     http.StatusBadRequest,
	domain.Stale:       http.StatusPreconditionFailed,
	domain.KeyReused:   http.StatusUnprocessableEntity,
	domain.Conflict:    http.StatusServiceUnavailable,
	domain.Unavailable: http.StatusServiceUnavailable,
}

// httpError is a refusal that only HTTP knows.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

var (
	errNoRoute   = &httpError{http.StatusNotFound, "There is nothing here."}
	errMethod    = &httpError{http.StatusMethodNotAllowed, "The method is not allowed here."}
	errTooLarge  = &httpError{http.StatusRequestEntityTooLarge, "The request body is larger than 1 MiB."}
	errMediaType = &httpError{http.StatusUnsupportedMediaType, "The request body must be XML, JSON or a form."}
	errCoding    = &httpError{http.StatusUnsupportedMediaType, "The request body must not be compressed."}
	errBody      = &httpError{http.StatusBadRequest, "The request body could not be read."}
	errQuery     = &httpError{http.StatusBadRequest, "The query string is malformed."}
	errSince     = &httpError{http.StatusBadRequest, "updated_since is not a date and time, as in 2010-09-25 18:30."}
	errKey       = &httpError{http.StatusBadRequest, "An Idempotency-Key has 1 to 255 characters."}
	errInternal  = &httpError{http.StatusInternalServerError, "Something went wrong on our side."}
)

// retryAfter is for answers that time may change, in seconds.
const retryAfter = "1"

// fail answers with what is wrong. Of an error that was not made for the caller he learns nothing.
func (x *exchange) fail(err error) {
	status, message := http.StatusInternalServerError, errInternal.message
	var known *domain.Error
	var syntax *wire.SyntaxError
	var own *httpError
	switch {
	case errors.As(err, &own):
		status, message = own.status, own.message
	case errors.As(err, &syntax):
		status, message = http.StatusBadRequest, syntax.Reason
	case errors.As(err, &known):
		status, message = statusOf[known.Kind], known.Message
	}
	if status >= http.StatusInternalServerError {
		x.api.Log.Error("request failed", "request_id", x.requestID, "status", status, "error", err,
			"outcome_unknown", errors.Is(err, command.ErrUnknownOutcome))
	}
	header := x.w.Header()
	if status == http.StatusBadRequest {
		header["Hint"] = []string{message}
	}
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", retryAfter)
	}
	x.vary()
	var body []byte
	if x.format == formatJSON {
		body = wire.AppendJSONError(nil, message)
	} else {
		body = wire.AppendXMLError(nil, message)
	}
	x.write(status, body)
}
