package transport

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"clients/domain"
	"clients/domain/command"
)

// maxKey bounds an Idempotency-Key.
const maxKey = 255

// command carries out a command and responds with the location and the revision of the client.
func (x *exchange) command(c domain.Command, body []byte, success int) error {
	result, err := x.handle(c, body)
	if err != nil {
		return err
	}
	header := x.w.Header()
	header.Set("Location", "/clients/"+strconv.FormatInt(result.ClientID, 10))
	header.Set("ETag", tag(result.Revision, x.format))
	x.empty(success)
	return nil
}

// handle carries out a command under the conditions of the request.
func (x *exchange) handle(c domain.Command, body []byte) (command.Result, error) {
	keys := x.r.Header.Values("Idempotency-Key")
	if len(keys) > 1 || len(keys) == 1 && (keys[0] == "" || len(keys[0]) > maxKey) {
		return command.Result{}, errKey
	}
	request := command.Request{
		Account:       x.account,
		ClientID:      x.route.id,
		Command:       c,
		IfMatch:       ifMatch(x.r.Header),
		Actor:         x.actor,
		CorrelationID: x.requestID,
		CausationID:   x.requestID,
		Traceparent:   x.traceparent(),
	}
	if x.route.id != 0 && onlyNew(x.r.Header) {
		request.IfMatch = []domain.Revision{} // no existing client has one of these
	}
	if len(keys) == 1 {
		request.Key, request.Fingerprint = keys[0], x.fingerprint(body)
	}
	return x.api.Commands.Handle(x.r.Context(), request)
}

// fingerprint identifies a request among those with the same idempotency key. It is stored, and must not change: without
// If-Match it is that of earlier releases.
func (x *exchange) fingerprint(body []byte) string {
	h := sha256.New()
	if given := x.r.Header.Values("If-Match"); len(given) > 0 {
		fmt.Fprintf(h, "If-Match: %s\n", strings.Join(tags(given), ", "))
	}
	fmt.Fprintf(h, "%s %s %d\n%s\n", x.r.Method, x.route.resource, x.route.id, x.r.URL.RawQuery)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
