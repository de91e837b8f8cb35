package transport_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// requestID returns the id of a request with a header.
func (s *service) requestID(headers ...string) string {
	return s.send(http.MethodGet, "/clients/7", "", headers...).Header().Get("X-Request-Id")
}

func TestRequestIDOfTheCaller(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, id := range []string{"a", "0", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "a_B.c:d/e+f=@", strings.Repeat("a", 128)} {
		require.Equal(t, id, s.requestID("X-Request-Id: "+id))
		require.Equal(t, id, s.command(http.MethodDelete, "/clients/7", "", "X-Request-Id: "+id).CorrelationID)
	}
}

func TestAnInvalidRequestIDIsReplaced(t *testing.T) {
	t.Parallel()
	s := newService(t)
	made := regexp.MustCompile(`^[0-9a-f-]{32,36}$`)
	seen := map[string]bool{}
	for _, id := range []string{
		"", " ", "a b", "a\nlevel=ERROR", "a\"b", "a\x1b[31m", "a\x00", "ä", "a,b", "<b>", "a%0A", "a`", "a{", "a[", strings.Repeat("a", 129),
	} {
		got := s.requestID("X-Request-Id: " + id)
		require.Regexp(t, made, got, "%q", id)
		require.False(t, seen[got], "%q appears twice", got)
		seen[got] = true
	}
	require.Regexp(t, made, s.requestID())
}

// traceparent returns the trace context of a command for one of the caller.
func (s *service) traceparent(given string) string {
	s.t.Helper()
	return s.command(http.MethodDelete, "/clients/7", "", "Traceparent: "+given).Traceparent
}

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	span         = "00f067aa0ba902b7"
)

func TestTraceparentContinuesTheCallersTrace(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, flags := range []string{"00", "01"} {
		first := s.traceparent("00-" + callersTrace + "-" + span + "-" + flags)
		require.Regexp(t, `^00-`+callersTrace+`-[0-9a-f]{16}-`+flags+`$`, first)
		require.NotContains(t, first, span, "each request has a span of its own")
		second := s.traceparent("00-" + callersTrace + "-" + span + "-" + flags)
		require.NotEqual(t, first, second, "each request is a span of its own")
	}
}

func TestThereIsNoTraceparentIfTheCallersIsInvalid(t *testing.T) {
	t.Parallel()
	s := newService(t)
	zeroTrace, zeroSpan := strings.Repeat("0", 32), strings.Repeat("0", 16)
	for _, given := range []string{
		"", "00", callersTrace, "00-" + callersTrace + "-" + span, "00-" + callersTrace + "-" + span + "-01-x", "ff-" + callersTrace + "-" + span + "-01",
		"00-" + strings.ToUpper(callersTrace) + "-" + span + "-01", "00-" + callersTrace + "-" + strings.ToUpper(span) + "-01",
		"00-" + zeroTrace + "-" + span + "-01", "00-" + callersTrace + "-" + zeroSpan + "-01",
		"00-" + callersTrace[1:] + "-" + span + "-01", "00-" + callersTrace + "-" + span + "0-01", "00-" + callersTrace + "-" + span + "-1",
		"00-" + callersTrace + "-" + span + "-0g", "00-" + callersTrace[1:] + "\n-" + span + "-01",
	} {
		require.Empty(t, s.traceparent(given), "%q", given)
	}
}
