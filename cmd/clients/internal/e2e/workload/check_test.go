package workload

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const second = time.Second

// op is an operation on /clients/7 from one second to another. The request's name is what a caller gives the client.
func op(kind, request string, from, to, status int, tag string) Operation {
	return Operation{Kind: kind, Client: "/clients/7", Request: request, Sent: true, Called: time.Duration(from) * second,
		Ended: time.Duration(to) * second, Status: status, Tag: tag}
}

// read is a read from one second to another that shows a name and a version.
func read(from, to int, name string, version uint64) Operation {
	o := op(Get, "", from, to, http.StatusOK, "")
	o.Seen = State{ID: 7, Name: name, Active: true, CacheVersion: version - 1}
	return o
}

func TestCheckFindsViolations(t *testing.T) {
	t.Parallel()
	created := op(Create, "a", 0, 1, 201, `"1-x"`)
	one := map[string]int{"a": 1, "b": 1}
	for name, c := range map[string]struct {
		history []Operation
		stored  map[string]int
		list    string // of clients, in the end
		fault   string
	}{
		"one after the other": {[]Operation{created, read(2, 3, "a", 1), op(Update, "b", 4, 5, 200, `"2-y"`), read(6, 7, "b", 2)}, one,
			`{"id":7,"name":"b","active":true,"cache_version":1}`, ""},
		"a read of the past": {[]Operation{created, op(Update, "b", 2, 3, 200, `"2-y"`), read(4, 5, "a", 1)}, nil,
			`{"id":7,"name":"b","active":true,"cache_version":1}`, "is not linearizable"},
		"without a response, and carried out later": {[]Operation{created, op(Update, "b", 2, 3, 0, ""), read(4, 5, "a", 1), read(6, 7, "b", 2)}, one,
			`{"id":7,"name":"b","active":true,"cache_version":1}`, ""},
		"without a response, and never": {[]Operation{created, op(Update, "b", 2, 3, 503, "")}, nil,
			`{"id":7,"name":"a","active":true,"cache_version":0}`, ""},
		"a lost update": {[]Operation{created, op(Update, "b", 2, 3, 200, `"2-y"`)}, nil,
			`{"id":7,"name":"a","active":true,"cache_version":0}`, "is not linearizable"},
		"a lost deletion": {[]Operation{created, op(Delete, "b", 2, 3, 200, "")}, nil,
			`{"id":7,"name":"a","active":true,"cache_version":0}`, "is not linearizable"},
		"acknowledged without an event": {[]Operation{created, op(Update, "b", 2, 3, 200, `"2-y"`)}, map[string]int{"a": 1},
			`{"id":7,"name":"b","active":true,"cache_version":1}`, "0 events of"},
		"two events": {[]Operation{created}, map[string]int{"a": 2},
			`{"id":7,"name":"a","active":true,"cache_version":0}`, "2 events of"},
		"refused with an event": {[]Operation{created, op(Update, "b", 2, 3, 412, "")}, one,
			`{"id":7,"name":"a","active":true,"cache_version":0}`, "an event of what was refused"},
		"two winners": {[]Operation{created, op(Update, "b", 2, 4, 200, `"2-y"`), op(Update, "c", 3, 5, 200, `"2-z"`)}, nil,
			`{"id":7,"name":"c","active":true,"cache_version":1}`, "is not linearizable"},
		"a client of no caller": {nil, nil, `{"id":8,"name":"z"}`, "no caller created /clients/8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := "[]"
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(list))
			}))
			defer service.Close()
			l, err := Start(Options{URLs: []string{service.URL}})
			require.NoError(t, err)
			l.Stop()
			l.begun = l.begun.Add(-10 * second) // the list is read after the history
			list, l.history = `[{"client":`+c.list+`}]`, c.history
			found := strings.Join(l.Check(c.stored), "\n")
			require.Equal(t, c.fault == "", found == "", found)
			require.Contains(t, found, c.fault)
		})
	}
}
