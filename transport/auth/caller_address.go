package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"clients/transport/connections"
)

// CallerAddress returns the address that a request comes from: the peer of its connection or, if that is a trusted proxy,
// the rightmost address in X-Forwarded-For that is not. Anything further left may be made up by the caller, as may be
// anything left of a malformed address.
func CallerAddress(r *http.Request, trusted []netip.Prefix) string {
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

// parseAddress parses an address with or without a port; an IPv6 address may have brackets.
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

// networkOf returns the network that shares the failures of an address.
func networkOf(remote string) netip.Prefix {
	addr, _ := parseAddress(remote)
	return connections.NetworkOf(addr)
}

// providerOf returns the smallest network that an IPv6 provider is assigned. It is not valid for IPv4.
func providerOf(network netip.Prefix) netip.Prefix {
	if !network.Addr().Is6() {
		return netip.Prefix{}
	}
	provider, _ := network.Addr().Prefix(32)
	return provider
}
