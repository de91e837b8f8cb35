package main

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// natsSchemes are the ways to a NATS server, the usual one first.
var natsSchemes = []string{"nats", "tls", "ws", "wss"}

// parseNATSServer reads one of the servers of CLIENTS_NATS_URL. Its errors hold nothing of what was given: where a
// password has not been encoded, any part of it may be what looks like a host or a port.
func parseNATSServer(server string) (*url.URL, error) {
	server = strings.TrimSpace(server)
	if server == "" {
		return nil, errors.New("is empty")
	}
	if !strings.Contains(server, "://") {
		server = natsSchemes[0] + "://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || !slices.Contains(natsSchemes, u.Scheme) {
		return nil, errors.New("is neither host:port nor a URL of nats, tls, ws or wss; it is not shown since it may hold a password")
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return nil, errors.New("has a port that cannot be")
	}
	socket := strings.HasPrefix(u.Scheme, "ws")
	if rest := u.RequestURI() + u.Fragment; strings.Contains(rest, "@") || !socket && rest != "/" {
		return nil, errors.New("has something behind its port; a / ? # or @ in a password is to be percent-encoded")
	}
	return u, nil
}

// redactNATS leaves out of a list of servers whatever lets somebody in: a password; a user without one, which is a
// token; and what a gateway in front of a websocket may want.
func redactNATS(servers string) string {
	all := strings.Split(servers, ",")
	for i, server := range all {
		u, err := parseNATSServer(server)
		if err != nil {
			all[i] = "xxxxx"
			continue
		}
		shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
		if _, hasPassword := u.User.Password(); hasPassword {
			shown.User = url.UserPassword(u.User.Username(), "xxxxx")
		} else if u.User != nil {
			shown.User = url.User("xxxxx")
		}
		all[i] = shown.String()
	}
	return strings.Join(all, ",")
}
