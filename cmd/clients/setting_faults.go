package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"clients/domain"
	"clients/transport"
	"clients/transport/credentials"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
)

// settingFaults collects everything that is wrong with the settings, a line each. Its methods read one setting, and
// note what is wrong with it.
type settingFaults []string

func (f settingFaults) Error() string { return strings.Join(f, "\n") }

// Lines returns the faults.
func (f settingFaults) Lines() []string { return f }

func (f *settingFaults) add(variable, format string, args ...any) {
	*f = append(*f, variable+": "+fmt.Sprintf(format, args...))
}

// address reads host:port. Where loopbackOnly says why, nobody outside of this machine may reach it.
func (f *settingFaults) address(variable, value, loopbackOnly string) string {
	host, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	switch {
	case err != nil:
		f.add(variable, "%q is not host:port", value)
	case loopbackOnly != "" && host != "localhost" && !net.ParseIP(host).IsLoopback():
		f.add(variable, "%q is not a loopback address: %s", value, loopbackOnly)
	}
	return value
}

// hosts reads a list of host names. A name is written as a browser sends it, with no more than letters, digits and -_. in it.
func (f *settingFaults) hosts(variable, value string) (hosts []string) {
	if value == "" {
		return nil
	}
	for entry := range strings.SplitSeq(value, ",") {
		host := strings.TrimSpace(entry)
		_, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil && (host == "" || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "") {
			f.add(variable, "%q is not a host name without a port", host)
			continue
		}
		hosts = append(hosts, transport.CanonicalHost(host))
	}
	return hosts
}

// embeddedAddress reads where the embedded server listens, noPartners included.
func (f *settingFaults) embeddedAddress(variable, value string) string {
	if value == noPartners {
		return value
	}
	return f.address(variable, value, "the embedded server has no TLS")
}

// folder reads the path of a folder, which need not exist.
func (f *settingFaults) folder(variable, value string) string {
	info, err := os.Stat(value)
	switch {
	case value == "":
		f.add(variable, "is empty")
	case err == nil && !info.IsDir():
		f.add(variable, "%q is not a directory", value)
	}
	return value
}

// replicas reads how many servers hold each stream. An even number would bear no more failures than the odd one below.
func (f *settingFaults) replicas(variable, value string, external bool) int {
	where, usual, possible := "embedded", "1", []string{"1"}
	if external {
		where, usual, possible = "external", "3", []string{"1", "3", "5"}
	}
	if value == "" {
		value = usual
	}
	if !slices.Contains(possible, value) {
		f.add(variable, "%q is not what an %s NATS can have: %s", value, where, strings.Join(possible, ", "))
	}
	replicas, _ := strconv.Atoi(value)
	return replicas
}

// natsServers reads a list of NATS servers. It shows nothing of one that is wrong: that may be the password.
func (f *settingFaults) natsServers(variable, value string) {
	all := strings.Split(value, ",")
	sockets := 0
	for i, server := range all {
		u, err := parseNATSServer(server)
		if err != nil {
			f.add(variable, "server %d of %d %v", i+1, len(all), err)
		} else if i > 0 && u.User != nil && !strings.Contains(server, "://") { // the rest of a password, the start of which looks like a server
			f.add(variable, "server %d of %d has a login and no scheme; a comma in a password is to be percent-encoded", i+1, len(all))
		} else if strings.HasPrefix(u.Scheme, "ws") {
			sockets++
		}
	}
	if sockets > 0 && sockets < len(all) {
		f.add(variable, "ws:// and wss:// do not go together with others")
	}
}

// natsOption finds out whether an option can do its work: it reads its files at each connection, and first now.
func (f *settingFaults) natsOption(variable string, option nats.Option) {
	var o nats.Options
	err := option(&o)
	if err == nil && o.UserJWT != nil {
		err = isUser(o.UserJWT())
	}
	if err == nil && o.SignatureCB != nil {
		_, err = o.SignatureCB([]byte("a challenge"))
	}
	if err != nil {
		f.add(variable, "%v", err)
	}
}

// isUser tells whether a token is one of a user. It shows nothing of what is none.
func isUser(token string, err error) error {
	if err != nil {
		return err
	}
	if _, err := jwt.DecodeUserClaims(token); err != nil {
		return errors.New("there is no JWT of a user in the file")
	}
	return nil
}

// readable tells whether a file can be read.
func (f *settingFaults) readable(variable, path string) bool {
	_, err := os.ReadFile(path)
	if err != nil {
		f.add(variable, "%v", err)
	}
	return err == nil
}

// currency reads what a client created without a currency gets: it must be one that a client can have.
func (f *settingFaults) currency(variable, value string) string {
	named := "a client"
	_, err := domain.Decide(domain.Client{}, domain.References{}, domain.CreateClient{ID: 1, Attributes: domain.ClientAttributes{Name: &named}, DefaultCurrency: value})
	if err != nil {
		f.add(variable, "%v", err)
	}
	return value
}

// oneOf reads one of several words.
func (f *settingFaults) oneOf(variable, value string, words ...string) string {
	if !slices.Contains(words, value) {
		f.add(variable, "%q is none of: %s", value, strings.Join(words, ", "))
	}
	return value
}

func (f *settingFaults) level(variable, value string) (level slog.Level) {
	if err := level.UnmarshalText([]byte(value)); err != nil {
		f.add(variable, "%q is none of: debug, info, warn, error", value)
	}
	return level
}

func (f *settingFaults) duration(variable, value string, most time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > most {
		f.add(variable, "%q is not a duration between 0s and %s", value, most)
	}
	return d
}

// count reads a number of things that there may be, 0 for any number.
func (f *settingFaults) count(variable, value string) int {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		f.add(variable, "%q is not a number between 0 and %d", value, math.MaxInt32)
	}
	return int(n)
}

// networks reads a comma-separated list of networks. An address is the network of itself.
func (f *settingFaults) networks(variable, value string) (networks []netip.Prefix) {
	for given := range strings.SplitSeq(value, ",") {
		given = strings.TrimSpace(given)
		if given == "" {
			continue
		}
		network, err := netip.ParsePrefix(given)
		if addr, errAddr := netip.ParseAddr(given); errAddr == nil && addr.Zone() == "" {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || network.Addr().Is4In6() {
			f.add(variable, "%q is not a network, as in 10.0.0.0/8 or 2001:db8::/32", given)
			continue
		}
		networks = append(networks, network.Masked())
	}
	return networks
}

// credentials reads the users from a folder, if there is one.
func (f *settingFaults) credentials(variable, dir string) *credentials.Folder {
	if dir == "" {
		return nil
	}
	folder, err := credentials.Open(dir)
	var faults credentials.Faults
	if errors.As(err, &faults) {
		for _, fault := range faults {
			f.add(variable, "%s", fault)
		}
	}
	return folder
}

// certificate reads the API's certificate and its key, if there are any: both or none.
func (f *settingFaults) certificate(cert, key string) *transport.Certificate {
	switch {
	case cert == "" && key == "":
		return nil
	case key == "":
		f.add("CLIENTS_TLS_CERT", "goes with CLIENTS_TLS_KEY, which is not set")
		return nil
	case cert == "":
		f.add("CLIENTS_TLS_KEY", "goes with CLIENTS_TLS_CERT, which is not set")
		return nil
	}
	certRead, keyRead := f.readable("CLIENTS_TLS_CERT", cert), f.readable("CLIENTS_TLS_KEY", key)
	if !certRead || !keyRead {
		return nil
	}
	certificate, err := transport.OpenCertificate(cert, key)
	if err != nil {
		f.add("CLIENTS_TLS_CERT", "with CLIENTS_TLS_KEY: %v", err)
	}
	return certificate
}
