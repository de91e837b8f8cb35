package e2e_test

import (
	"testing"
)

// What a caller was given is still valid after a restart.
func TestTagsStayValidAfterARestart(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	s.update(id, "<name>Other</name>")
	one, all := s.want(200, "GET", path(id), "").tag(), s.want(200, "GET", "/clients", "").tag()
	s.stop(t)
	s = s.restart(t)
	s.want(304, "GET", path(id), "", "If-None-Match: "+one)
	s.want(304, "GET", "/clients", "", "If-None-Match: "+all)
}
