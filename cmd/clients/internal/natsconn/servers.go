package natsconn

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// schemes of NATS servers, the default first.
var schemes = []string{"nats", "tls", "ws", "wss"}

// ParseServer parses one of the servers of CLIENTS_NATS_URL. If a password is not percent-encoded, any part of it may be what
// looks like a host or a port: where ok is false nothing of the value may be shown.
func ParseServer(server string) (u *url.URL, ok bool) {
	server = strings.TrimSpace(server)
	if !strings.Contains(server, "://") {
		server = schemes[0] + "://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
		return nil, false
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "4222"), 10, 16)
	socket, rest := strings.HasPrefix(u.Scheme, "ws"), u.RequestURI()+u.Fragment
	return u, err == nil && port > 0 && !strings.Contains(rest, "@") && (socket || rest == "/")
}

// Redact returns a list of servers without logins and the queries of websocket gateways.
func Redact(servers string) string {
	all := strings.Split(servers, ",")
	for i, server := range all {
		u, ok := ParseServer(server)
		if !ok {
			all[i] = "xxxxx"
			continue
		}
		u.User, u.RawQuery = nil, ""
		all[i] = u.String()
	}
	return strings.Join(all, ",")
}
