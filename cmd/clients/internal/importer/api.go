package importer

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"clients/cmd/clients/internal/terminal"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/time/rate"
)

// api is the API of the service.
type api struct {
	base           string // without a slash at the end
	user, password string
	client         *retryablehttp.Client
	report         func(line string)
	reported       rate.Sometimes // that requests are retried
}

// How long a request is retried, how long the list of all clients may take, and how long one response may take to begin.
const (
	retryLimit    = 2 * time.Minute
	listLimit     = 10 * time.Minute
	responseLimit = 30 * time.Second
	longestRetry  = 2 * time.Second // between two attempts, unless Retry-After asks for more
	// reportInterval is how often it is reported that requests are retried.
	reportInterval = 15 * time.Second
)

func newAPI(config Config, report func(line string)) *api {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = config.Callers
	transport.ResponseHeaderTimeout = responseLimit
	transport.TLSClientConfig = config.TLS
	a := &api{base: config.URL, user: config.User, password: config.Password, report: report, reported: rate.Sometimes{Interval: reportInterval}}
	a.client = retryablehttp.NewClient()
	a.client.HTTPClient = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	a.client.Logger = nil
	a.client.RetryMax = math.MaxInt32 // the context ends it
	a.client.RetryWaitMin, a.client.RetryWaitMax = longestRetry/8, longestRetry
	a.client.CheckRetry = a.checkRetry
	a.client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return a
}

// create creates a client and returns its id, or why the service rejects it.
func (a *api) create(ctx context.Context, r record) (id int64, rejected string, err error) {
	response, content, err := a.do(ctx, retryLimit, http.MethodPost, r)
	if err != nil {
		return 0, "", err
	}
	switch response.StatusCode {
	case http.StatusCreated:
		if _, err := fmt.Sscanf(response.Header.Get("Location"), "/clients/%d", &id); err != nil {
			return 0, "", a.unexpected(response, content)
		}
		return id, "", nil
	case http.StatusBadRequest:
		rejected = response.Header.Get("Hint")
	case http.StatusRequestEntityTooLarge:
		rejected = cmp.Or(message(content), response.Status) // a proxy has no message
	}
	if rejected == "" {
		return 0, "", a.unexpected(response, content)
	}
	return 0, rejected, nil
}

// message returns the text of an error response.
func message(content []byte) string {
	var e struct{ Message string }
	_ = json.Unmarshal(content, &e)
	return e.Message
}

// list calls each with the id of every client.
func (a *api) list(ctx context.Context, each func(int64)) error {
	response, content, err := a.do(ctx, listLimit, http.MethodGet, record{})
	if err != nil {
		return err
	}
	var listed []struct{ Client struct{ ID int64 } }
	if response.StatusCode != http.StatusOK || json.Unmarshal(content, &listed) != nil {
		return a.unexpected(response, content)
	}
	for _, l := range listed {
		each(l.Client.ID)
	}
	return nil
}

// do sends a request until there is a response other than 429 and those from 500, and returns it with its content.
func (a *api) do(ctx context.Context, limit time.Duration, method string, r record) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := retryablehttp.NewRequestWithContext(ctx, method, a.base+"/clients", r.document)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", r.contentType)
		request.Header.Set("Idempotency-Key", "import-"+r.key)
	}
	if a.user != "" {
		request.SetBasicAuth(a.user, a.password)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, nil, a.explain(ctx, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, a.explain(ctx, err)
	}
	return response, content, nil
}

// unexpected returns the error for a response that is not about a client.
func (a *api) unexpected(response *http.Response, content []byte) error {
	text := cmp.Or(message(content), strings.TrimSpace(string(content[:min(len(content), 200)])))
	err := fmt.Errorf("%s: unexpected response %s: %s", a.base, response.Status, terminal.Printable(text))
	hint := "--url must name the API of a clients service"
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized && a.user == "":
		err, hint = fmt.Errorf("%s: login required", a.base), "set CLIENTS_IMPORT_LOGIN to USER:PASSWORD"
	case status == http.StatusUnauthorized:
		err, hint = fmt.Errorf("%s: login of %s rejected", a.base, a.user), "check CLIENTS_IMPORT_LOGIN"
	case status >= 300 && status < 400:
		err, hint = fmt.Errorf("%s: redirects to %q", a.base, response.Header.Get("Location")), "use that address as --url"
	}
	return terminal.WithHint(err, "%s", hint)
}

// explain adds the address to an error of a request, and a hint.
func (a *api) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return terminal.WithHint(fmt.Errorf("%s: no response in time", a.base), "run it again to continue")
	}
	err = fmt.Errorf("%s: %w", a.base, withoutURL(err))
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		return terminal.WithHint(err, "use --ca FILE with its certificate authorities")
	}
	return err
}

// checkRetry retries what may succeed later, and reports it.
func (a *api) checkRetry(ctx context.Context, response *http.Response, err error) (bool, error) {
	var name *net.DNSError
	if errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &name) && name.IsNotFound {
		return false, err
	}
	retry, policyErr := retryablehttp.DefaultRetryPolicy(ctx, response, err)
	if retry {
		a.reported.Do(func() {
			reason := withoutURL(err)
			if err == nil {
				reason = errors.New(response.Status)
			}
			a.report(fmt.Sprintf("waiting for %s: %v", a.base, reason))
		})
	}
	return retry, policyErr
}

// withoutURL removes the method and URL that net/http puts before an error.
func withoutURL(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}
