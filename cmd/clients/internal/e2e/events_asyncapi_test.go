package e2e_test

import (
	"fmt"
	"hash/crc64"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A reader that was written from the document accepts every event. One checksum in 16 begins with a zero, so the test
// creates clients until there is one, and a few more.
func TestChecksumsAreAsAsyncAPISays(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := readAsyncAPI(t, s.service.on(t).at(s.service.ops).read)
	headers, _ := c.at("components", "messages", "ClientCreated", "headers")
	pattern := headers["properties"].(map[string]any)["ce-checksum"].(map[string]any)["pattern"]
	require.Equal(t, "^[0-9a-f]{16}$", pattern)

	padded := regexp.MustCompile("^0")
	for range 8 {
		for range 16 {
			s.create("SuprCorp")
		}
		found := false
		for _, e := range s.events() {
			stated := e.header.Get("ce-checksum")
			require.Equal(t, checksum(e), stated)
			require.Regexp(t, pattern, stated)
			found = found || padded.MatchString(stated)
		}
		if found {
			return
		}
	}
	require.Fail(t, "no checksum of 128 begins with a zero")
}

// checksum computes ce-checksum as the document describes it.
func checksum(e event) string {
	var covered []byte
	for _, part := range []string{
		e.subject, e.header.Get("ce-id"), e.header.Get("ce-type"), e.header.Get("ce-clientversion"), e.header.Get("ce-time"), e.data,
	} {
		covered = append(append(covered, part...), 0)
	}
	return fmt.Sprintf("%016x", crc64.Checksum(covered, crc64.MakeTable(crc64.ECMA)))
}

// created_at and updated_at are the stream's timestamps of the first and the last event, truncated to the second.
func TestTimesAreTheStreams(t *testing.T) {
	t.Parallel()
	s := shared(t)
	id := s.create("SuprCorp")
	created := s.attributes(id)["created_at"]
	eventually(t, func() bool {
		s.want(http.StatusOK, http.MethodPost, path(id)+"/toggle", "")
		return s.attributes(id)["updated_at"] != created
	}, "a later second")
	stored := s.events()
	second := func(e event) string { return e.time.UTC().Truncate(time.Second).Format(time.RFC3339) }
	require.Equal(t, second(stored[0]), created)
	require.Equal(t, second(stored[len(stored)-1]), s.attributes(id)["updated_at"])
}
