package transport

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"

	"clients/transport/login"
)

// Logins tells who may use the API.
type Logins interface {
	// Enter answers the account of a user, login.ErrWrong or login.ErrThrottled.
	Enter(ctx context.Context, name, password, remote string) (account string, err error)
}

var (
	errLogin     = &httpError{http.StatusUnauthorized, "Authentication failed for API request."}
	errThrottled = &httpError{http.StatusServiceUnavailable, "There were too many failed logins. Please try again later."}
)

// enter finds out who sends the request, before anything is told about what it asks for, and whether he may send one
// more.
func (x *exchange) enter() error {
	if x.api.Logins != nil {
		if err := x.login(); err != nil {
			return err
		}
	}
	return x.limit()
}

func (x *exchange) login() error {
	x.account, x.actor = "", "" // nobody, yet
	name, password, ok := basicAuth(x.r.Header.Get("Authorization"))
	if !ok {
		return x.unauthorized()
	}
	remote, _, err := net.SplitHostPort(x.r.RemoteAddr)
	if err != nil {
		remote = x.r.RemoteAddr
	}
	account, err := x.api.Logins.Enter(x.r.Context(), name, password, remote)
	switch {
	case errors.Is(err, login.ErrThrottled):
		return errThrottled
	case err != nil:
		return x.unauthorized()
	}
	x.account, x.actor = account, name
	return nil
}

func (x *exchange) unauthorized() error {
	x.w.Header().Set("WWW-Authenticate", `Basic realm="clients", charset="UTF-8"`)
	return errLogin
}

// basicAuth reads a header of HTTP Basic authentication. Some old clients put what they send in parentheses, or leave
// its padding out.
func basicAuth(header string) (name, password string, ok bool) {
	scheme, sent, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	sent = strings.TrimRight(strings.Trim(strings.TrimSpace(sent), "()"), "=")
	plain, err := base64.RawStdEncoding.DecodeString(sent)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(plain), ":")
}
