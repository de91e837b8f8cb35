package auth_test

import (
	"net/http"
	"net/netip"
	"testing"

	"clients/transport/auth"

	"github.com/stretchr/testify/require"
)

func TestTheNetworkOfAnAddress(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1:1234": "192.0.2.1/32", "[::ffff:192.0.2.1]:1": "192.0.2.1/32", "192.0.2.1": "192.0.2.1/32",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1::/48", "2001:db8:1:ffff::1": "2001:db8:1::/48",
		"[fe80::1%eth0]:80": "fe80::/48", "@": "invalid Prefix", "": "invalid Prefix",
	} {
		require.Equal(t, want, auth.NetworkOf(addr).String(), addr)
	}
}

func TestCallerAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48")}
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                         {"192.0.2.1:5", nil, "192.0.2.1:5"},
		"a header of a caller":             {"192.0.2.1:5", []string{"198.51.100.7"}, "192.0.2.1:5"},
		"one proxy":                        {"10.1.2.3:5", []string{"198.51.100.7"}, "198.51.100.7"},
		"a proxy without the header":       {"10.1.2.3:5", nil, "10.1.2.3"},
		"an empty header":                  {"10.1.2.3:5", []string{""}, "10.1.2.3"},
		"two proxies":                      {"10.1.2.3:5", []string{"198.51.100.7, 10.9.9.9"}, "198.51.100.7"},
		"a made-up address on the left":    {"10.1.2.3:5", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		"a trusted one, made up":           {"10.1.2.3:5", []string{"10.5.5.5, 198.51.100.7"}, "198.51.100.7"},
		"several headers":                  {"10.1.2.3:5", []string{"203.0.113.9", "198.51.100.7", "10.9.9.9"}, "198.51.100.7"},
		"proxies only":                     {"10.1.2.3:5", []string{"10.5.5.5, 10.9.9.9"}, "10.5.5.5"},
		"something that is no address":     {"10.1.2.3:5", []string{"198.51.100.7, unknown"}, "10.1.2.3"},
		"the same behind a proxy":          {"10.1.2.3:5", []string{"198.51.100.7, _secret, 10.9.9.9"}, "10.9.9.9"},
		"a port":                           {"10.1.2.3:5", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		"IPv6":                             {"10.1.2.3:5", []string{"2001:db8:1::7"}, "2001:db8:1::7"},
		"IPv6 in brackets":                 {"10.1.2.3:5", []string{"[2001:db8:1::7]"}, "2001:db8:1::7"},
		"IPv6 with a port":                 {"10.1.2.3:5", []string{"[2001:db8:1::7]:4711"}, "2001:db8:1::7"},
		"an IPv6 proxy":                    {"[2001:db8:f::1]:5", []string{"198.51.100.7"}, "198.51.100.7"},
		"an IPv4 proxy on an IPv6 socket":  {"[::ffff:10.1.2.3]:5", []string{"198.51.100.7"}, "198.51.100.7"},
		"an IPv4 address written as IPv6":  {"10.1.2.3:5", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		"a proxy that is not trusted":      {"11.1.2.3:5", []string{"198.51.100.7"}, "11.1.2.3:5"},
		"a list with blanks and no commas": {"10.1.2.3:5", []string{"198.51.100.7 203.0.113.9"}, "10.1.2.3"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		require.Equal(t, c.want, auth.CallerAddress(r, trusted), name)
	}
	r := &http.Request{RemoteAddr: "10.1.2.3:5", Header: http.Header{"X-Forwarded-For": {"198.51.100.7"}}}
	require.Equal(t, "10.1.2.3:5", auth.CallerAddress(r, nil))
}
