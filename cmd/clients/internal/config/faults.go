package config

import (
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
)

// Faults are all that is wrong with the settings, a line each. Its methods return the value of one setting and add what
// is wrong with it.
type Faults []string

// Error returns the faults as one text.
func (f Faults) Error() string { return strings.Join(f, "\n") }

// Err returns the faults as an error, or nil if there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Add adds a fault of a variable or flag.
func (f *Faults) Add(setting, format string, args ...any) {
	*f = append(*f, setting+": "+fmt.Sprintf(format, args...))
}

// address reads host:port. If loopbackOnly is not empty it says under which condition only loopback addresses are allowed.
func (f *Faults) address(variable, value, loopbackOnly string) string {
	host, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	switch {
	case err != nil:
		f.Add(variable, "must be host:port (got %q)", value)
	case loopbackOnly != "" && host != "localhost" && !net.ParseIP(host).IsLoopback():
		f.Add(variable, "must be a loopback address %s (got %q)", loopbackOnly, value)
	}
	return value
}

// hosts reads a comma-separated list of host names, as browsers send them: of letters, digits and -_. only.
func (f *Faults) hosts(variable, value string) (hosts []string) {
	if value == "" {
		return nil
	}
	for entry := range strings.SplitSeq(value, ",") {
		host := strings.TrimSpace(entry)
		_, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil && (host == "" || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "") {
			f.Add(variable, "must be host names without ports (got %q)", host)
			continue
		}
		hosts = append(hosts, transport.CanonicalHost(host))
	}
	return hosts
}

// folder reads the path of a folder, which need not exist.
func (f *Faults) folder(variable, value string) string {
	info, err := os.Stat(value)
	switch {
	case value == "":
		f.Add(variable, "must not be empty")
	case err == nil && !info.IsDir():
		f.Add(variable, "must be a directory (got %q)", value)
	}
	return value
}

// Replicas reads CLIENTS_STREAM_REPLICAS. An even number would tolerate no more failures than the odd one below it.
func (f *Faults) Replicas(value string, external bool) int {
	const variable = "CLIENTS_STREAM_REPLICAS"
	switch {
	case value == "" && external:
		return 3
	case value == "":
		return 1
	case !external && value != "1":
		f.Add(variable, "must be 1 with embedded NATS (got %q)", value)
	case !slices.Contains([]string{"1", "3", "5"}, value):
		f.Add(variable, "must be 1, 3 or 5 (got %q)", value)
	}
	replicas, _ := strconv.Atoi(value)
	return replicas
}

// currency reads the default currency, which must be one that a client can have.
func (f *Faults) currency(variable, value string) string {
	name := "a client"
	create := domain.CreateClient{ID: 1, Attributes: domain.ClientAttributes{Name: &name}, DefaultCurrency: value}
	if _, err := domain.Decide(domain.Client{}, domain.References{}, create); err != nil {
		f.Add(variable, "%v", err)
	}
	return value
}

// oneOf reads one of several words.
func (f *Faults) oneOf(variable, value string, words ...string) string {
	if !slices.Contains(words, value) {
		f.Add(variable, "must be one of %s (got %q)", strings.Join(words, ", "), value)
	}
	return value
}

func (f *Faults) level(variable, value string) (level slog.Level) {
	if err := level.UnmarshalText([]byte(value)); err != nil {
		f.Add(variable, "must be one of debug, info, warn, error (got %q)", value)
	}
	return level
}

func (f *Faults) duration(variable, value string, longest time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > longest {
		f.Add(variable, "must be a duration between 0s and %s (got %q)", strings.TrimSuffix(longest.String(), "0m0s"), value)
	}
	return d
}

// count reads a limit, 0 for none.
func (f *Faults) count(variable, value string) int {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		f.Add(variable, "must be a number between 0 and %d (got %q)", math.MaxInt32, value)
	}
	return int(n)
}

// networks reads a comma-separated list of networks. An address is the network of itself.
func (f *Faults) networks(variable, value string) (networks []netip.Prefix) {
	for entry := range strings.SplitSeq(value, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		network, err := netip.ParsePrefix(entry)
		if addr, addrErr := netip.ParseAddr(entry); addrErr == nil && addr.Zone() == "" {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || network.Addr().Is4In6() {
			f.Add(variable, "must be networks such as 10.0.0.0/8 or 2001:db8::/32 (got %q)", entry)
			continue
		}
		networks = append(networks, network.Masked())
	}
	return networks
}
