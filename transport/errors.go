package transport

import (
	"errors"
	"net/http"
	"time"

	"clients/domain"
	"clients/transport/auth"
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

// The refusals of this package.
var (
	errNoRoute      = refused(http.StatusNotFound, "There is no such resource.")
	errHost         = refused(http.StatusMisdirectedRequest, "The host name is not allowed. CLIENTS_ALLOWED_HOSTS lists the names that are.")
	errCrossOrigin  = refused(http.StatusForbidden, "Cross-origin requests are not allowed. CLIENTS_ALLOWED_HOSTS lists the hosts whose pages may send them.")
	errMethod       = refused(http.StatusMethodNotAllowed, "The method is not allowed for this resource.")
	errTooLarge     = refused(http.StatusRequestEntityTooLarge, "The request body is larger than 1 MiB.")
	errMediaType    = refused(http.StatusUnsupportedMediaType, "The request body must be XML, JSON or a form.")
	errCoding       = refused(http.StatusUnsupportedMediaType, "The request body must not be compressed.")
	errBody         = refused(http.StatusBadRequest, "The request body could not be read.")
	errQuery        = refused(http.StatusBadRequest, "The query string is malformed.")
	errSince        = refused(http.StatusBadRequest, "updated_since must be a date and time such as 2010-09-25 18:30.")
	errAsOf         = refused(http.StatusBadRequest, "as_of must be a date and time such as 2010-09-25 18:30.")
	errFuture       = refused(http.StatusBadRequest, "as_of is in the future.")
	errVersion      = refused(http.StatusBadRequest, "version must be a whole number from 1 up.")
	errTwoPasts     = refused(http.StatusBadRequest, "as_of and version cannot be combined.")
	errListPast     = refused(http.StatusBadRequest, "as_of and version select a version of one client, not of the list.")
	errDatetime     = refused(http.StatusBadRequest, "Accept-Datetime must be a date such as Sat, 25 Sep 2010 18:30:00 GMT.")
	errAfter        = refused(http.StatusBadRequest, "after must be a version, or 0.")
	errLimit        = refused(http.StatusBadRequest, "limit must be a number from 1 to 1000.")
	errPosition     = refused(http.StatusBadRequest, "Last-Event-ID and after must be the id of an event, or a sequence.")
	errPositionGone = refused(http.StatusGone, "The position does not belong to this history. Start over from a new list.")
	errKey          = refused(http.StatusBadRequest, "A request has at most one Idempotency-Key, of 1 to 255 characters.")
	errInternal     = refused(http.StatusInternalServerError, "The request failed because of an internal error.")

	errMemory = &auth.Refusal{Status: http.StatusServiceUnavailable, Message: "Too many large requests are in progress. Try again later.", RetryAfter: time.Second}
)

func refused(status int, message string) *auth.Refusal {
	return &auth.Refusal{Status: status, Message: message}
}

// refusalOf returns what the caller learns of an error: nothing if it was not made for the caller.
func refusalOf(err error) *auth.Refusal {
	if refusal, ok := errors.AsType[*auth.Refusal](err); ok {
		return refusal
	}
	if known, ok := errors.AsType[*domain.Error](err); ok {
		return refused(statusOf[known.Kind], known.Message)
	}
	return errInternal
}
