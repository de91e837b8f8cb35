package natsconn

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// schemes of NATS servers, the default first.
var schemes = []string{"nats", "tls", "ws", "wss"}

// ParseServer parses one of the servers of CLIENTS_NATS_URL. Its errors contain nothing of the value: if a password is
// not percent-encoded, any part of it may be what looks like a host or a port.
func ParseServer(server string) (*url.URL, error) {
	server = strings.TrimSpace(server)
	if server == "" {
		return nil, errors.New("is empty")
	}
	if !strings.Contains(server, "://") {
		server = schemes[0] + "://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
		return nil, errors.New("must be host:port or a nats, tls, ws or wss URL (not shown, it may contain a password)")
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return nil, errors.New("has an invalid port")
	}
	socket := strings.HasPrefix(u.Scheme, "ws")
	if rest := u.RequestURI() + u.Fragment; strings.Contains(rest, "@") || !socket && rest != "/" {
		return nil, errors.New("has text after the port; percent-encode / ? # and @ in passwords")
	}
	return u, nil
}

// Redact returns a list of servers without logins and the queries of websocket gateways.
func Redact(servers string) string {
	all := strings.Split(servers, ",")
	for i, server := range all {
		u, err := ParseServer(server)
		if err != nil {
			all[i] = "xxxxx"
			continue
		}
		u.User, u.RawQuery = nil, ""
		all[i] = u.String()
	}
	return strings.Join(all, ",")
}
