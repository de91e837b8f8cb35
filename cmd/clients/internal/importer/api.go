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
	"net/http"
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
	ctx, cancel := context.WithTimeout(ctx, retryLimit)
	defer cancel()
	response, err := a.do(ctx, http.MethodPost, r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return 0, "", a.explain(ctx, err)
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
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	response, err := a.do(ctx, http.MethodGet, record{})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		return a.unexpected(response, content)
	}
	var listed []struct{ Client struct{ ID int64 } }
	if err := json.NewDecoder(response.Body).Decode(&listed); err != nil {
		return fmt.Errorf("read the list of clients: %w", a.explain(ctx, err))
	}
	for _, l := range listed {
		each(l.Client.ID)
	}
	return nil
}

// do sends a request until there is a response other than 429 and those from 500, or ctx ends.
func (a *api) do(ctx context.Context, method string, r record) (*http.Response, error) {
	request, err := retryablehttp.NewRequestWithContext(ctx, method, a.base+"/clients", r.document)
	if err != nil {
		return nil, err
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
		return nil, a.explain(ctx, err)
	}
	return response, nil
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
