package transport

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"clients/domain"
	"clients/domain/command"
)

// maxKey bounds the characters of an Idempotency-Key.
const maxKey = 255

// command carries out a command and responds with the location and the revision of the client.
func (a *API) command(w *response, r *request, c domain.Command, body []byte, success int) error {
	result, err := a.handle(r, c, body)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Location", clientPath(result.ClientID))
	header.Set("ETag", tag(result.Revision, w.format))
	w.sendEmpty(success)
	return nil
}

// handle carries out a command under the conditions of the request.
func (a *API) handle(r *request, c domain.Command, body []byte) (command.Result, error) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) > 1 || len(keys) == 1 && (keys[0] == "" || utf8.RuneCountInString(keys[0]) > maxKey) {
		return command.Result{}, errKey
	}
	request := command.Request{
		Account:       r.account,
		ClientID:      r.route.id,
		Command:       c,
		IfMatch:       ifMatch(r.Header),
		Actor:         r.actor,
		CorrelationID: r.id,
		CausationID:   r.id,
		Traceparent:   r.traceparent(),
	}
	if r.route.id != 0 && isAny(r.Header.Values("If-None-Match")) {
		request.IfMatch = []domain.Revision{} // no existing client has one of these
	}
	if len(keys) == 1 {
		request.Key, request.Fingerprint = keys[0], r.fingerprint(body)
	}
	return a.Commands.Handle(r.Context(), request)
}

// fingerprint identifies a request among those with the same idempotency key. It is stored, and must not change: without
// If-Match it is that of earlier releases.
func (r *request) fingerprint(body []byte) string {
	h := sha256.New()
	if given := r.Header.Values("If-Match"); len(given) > 0 {
		fmt.Fprintf(h, "If-Match: %s\n", strings.Join(tags(given), ", "))
	}
	fmt.Fprintf(h, "%s %s %d\n%s\n", r.Method, r.route.resource, r.route.id, r.URL.RawQuery)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
