package transport

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// callerAddress returns where a request comes from: the peer of its connection or, if that is a trusted proxy, the
// rightmost address of X-Forwarded-For that is none. What stands to the left of that, or of something that is no address,
// may be made up by the caller.
func callerAddress(r *http.Request, trusted []netip.Prefix) string {
	peer, ok := parseAddress(r.RemoteAddr)
	if !ok || !isTrusted(peer, trusted) {
		return r.RemoteAddr
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(forwarded) {
		addr, ok := parseAddress(strings.TrimSpace(hop))
		if !ok {
			break
		}
		if peer = addr; !isTrusted(addr, trusted) {
			break
		}
	}
	return peer.String()
}

func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// parseAddress reads an address with or without a port, and an IPv6 address with or without brackets.
func parseAddress(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	if inner, opened := strings.CutPrefix(text, "["); opened {
		text = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap().WithZone(""), err == nil
}

// networkOf returns who shares the failures of an address: of IPv4 the address alone, of IPv6 the largest network that
// one customer is given.
func networkOf(remote string) netip.Prefix {
	addr, ok := parseAddress(remote)
	if !ok {
		return netip.Prefix{}
	}
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 48
	}
	network, _ := addr.Prefix(bits)
	return network
}

// providerOf returns the smallest network that a provider of IPv6 is given, whose customers have a network each.
func providerOf(network netip.Prefix) (netip.Prefix, bool) {
	if !network.Addr().Is6() {
		return netip.Prefix{}, false
	}
	provider, err := network.Addr().Prefix(32)
	return provider, err == nil
}
