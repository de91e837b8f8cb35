package transport

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"clients/transport/auth"
)

// Hosts protects against web pages of other sites that make a browser send requests here: by the Host, which after DNS
// rebinding is still the name of the page's own site, and by the origin. Its zero value accepts loopback hosts only.
type Hosts struct {
	// Allowed are further host names, as CanonicalHost returns them. Pages from there belong to the service.
	Allowed []string
	// Any accepts every host. It is for a service with logins: a rebound name reaches it without one.
	Any bool
}

// Handler refuses in plain text what next must not see.
func (h Hosts) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.check(r, false); err != nil {
			plain(w, err.Status, err.Message)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// check returns errHost, errCrossOrigin or nil. Writes from pages of other sites are refused. With ownPages their reads are refused, too,
// unless the user follows a link: a browser sends the login that it knows with each.
func (h Hosts) check(r *http.Request, ownPages bool) *auth.Refusal {
	if !h.Any && !h.accepts(r) {
		return errHost
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err == nil && (origin.Scheme == "https" || origin.Scheme == "http") && slices.Contains(h.Allowed, CanonicalHost(origin.Host)) {
		return nil
	}
	var protection http.CrossOriginProtection
	followed := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	if ownPages && !followed {
		r = r.WithContext(r.Context())
		r.Method = http.MethodPost // as strictly as writes
	}
	if protection.Check(r) != nil {
		return errCrossOrigin
	}
	return nil
}

// accepts reports whether a request is for a loopback host or an allowed one. HTTP/1.0 has no Host, and no browser sends
// that. X-Forwarded-Host does not count: a page can set it.
func (h Hosts) accepts(r *http.Request) bool {
	if r.Host == "" {
		return !r.ProtoAtLeast(1, 1)
	}
	host := CanonicalHost(r.Host)
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || host == "localhost" || slices.Contains(h.Allowed, host)
}

// CanonicalHost returns the name or address in a Host header, in lower case and without its port, brackets and final dot.
func CanonicalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if inner, found := strings.CutPrefix(host, "["); found && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.String()
	}
	return host
}
