package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
)

// requests are sent to every side in this order: method, path, Content-Type, body.
var requests = [][4]string{
	{"POST", "/clients", "application/xml", `<client><name>müller &amp; co</name><currency>Euro - EUR</currency></client>`},
	{"POST", "/clients", "application/json", `{"client":{"name":"Alpha","highrise_id":77,"active":false,"details":"1 Main St.\n<b>"}}`},
	{"POST", "/clients", "application/xml", `<client><name>alpha</name></client>`},
	{"POST", "/clients", "application/xml", `<client><details>without a name</details></client>`},
	{"POST", "/clients", "application/xml", `<client><name>A</nam`},
	{"GET", "/clients/1", "", ""},
	{"GET", "/clients/2.json", "", ""},
	{"GET", "/clients/9", "", ""},
	{"PUT", "/clients/1", "application/xml", `<client><name>Zeta</name><currency>Pound Sterling - GBP</currency></client>`},
	{"PUT", "/clients/1", "application/xml", `<client><name>Zeta</name></client>`}, // no change
	{"PUT", "/clients/2", "application/json", `{"client":{"highrise_id":null,"active":true}}`},
	{"PUT", "/clients/3", "application/xml", `<client><name> </name></client>`},
	{"PUT", "/clients/3", "application/xml", `<client><currency></currency></client>`},
	{"PUT", "/clients/3", "application/xml", `<client><currency>Euro - EUR</currency><currency-symbol>E</currency-symbol></client>`},
	{"PUT", "/clients/9", "application/xml", `<client><name>Unknown</name></client>`},
	{"GET", "/clients/1", "", ""},
	{"GET", "/clients/2", "", ""},
	{"GET", "/clients", "", ""},
	{"GET", "/clients.json", "", ""},
}

// compareResponses returns an error if the sides respond differently.
func compareResponses(ctx context.Context, dir string, sides []side) error {
	var first []string
	for _, s := range sides {
		err := s.with(ctx, filepath.Join(dir, "store"), false, func(r *running) error {
			responses, err := transcript(ctx, "http://"+r.address)
			if first == nil {
				first = responses
			}
			for i := range responses {
				if responses[i] != first[i] {
					return fmt.Errorf("differs from %s\n%s\n%s", sides[0].name, first[i], responses[i])
				}
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("responses of %s: %w", s.name, err)
		}
	}
	return nil
}

var aTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// transcript returns the responses to the requests: status, what callers use of the header, and the body without its times.
// Of entity tags it has whether there is one, and whether it is that of the last response to the same path.
func transcript(ctx context.Context, base string) (responses []string, err error) {
	transport := &http.Transport{DisableCompression: true}
	tags := make(map[string]string)
	for _, r := range requests {
		request, err := http.NewRequestWithContext(ctx, r[0], base+r[1], strings.NewReader(r[3]))
		if err != nil {
			return nil, err
		}
		if r[2] != "" {
			request.Header.Set("Content-Type", r[2])
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		header := response.Header
		tag := header.Get("ETag")
		responses = append(responses, fmt.Sprintf("%s %s: %s, Content-Type %q, Location %q, Hint %q, ETag %t, as before %t, access log %t\n%s", r[0], r[1],
			response.Status, header["Content-Type"], header["Location"], header["Hint"], tag != "", tag == tags[r[1]],
			header.Get("X-Request-Id") != "", aTime.ReplaceAllString(string(body), "TIME")))
		tags[r[1]] = tag
	}
	return responses, nil
}
