package importer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// reportInterval is how often it is reported that requests are retried.
const reportInterval = 15 * time.Second

// checkRetry retries what may succeed later, and reports it.
func (a *api) checkRetry(ctx context.Context, response *http.Response, err error) (bool, error) {
	var name *net.DNSError
	if isNoTLS(err) || errors.As(err, &name) && name.IsNotFound {
		return false, err
	}
	retry, policyErr := retryablehttp.DefaultRetryPolicy(ctx, response, err)
	if retry {
		a.mu.Lock()
		defer a.mu.Unlock()
		if err != nil {
			a.reason = withoutURL(err).Error()
		} else {
			a.reason = response.Status
		}
		a.reported.Do(func() { a.report(fmt.Sprintf("waiting for %s: %s", a.base, a.reason)) })
	}
	return retry, policyErr
}

func (a *api) lastReason() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reason
}

// withoutURL removes the method and URL that net/http puts before an error.
func withoutURL(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// isNoTLS reports whether the other side does not speak TLS.
func isNoTLS(err error) bool {
	var record tls.RecordHeaderError
	return errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record)
}

func isUnknownAuthority(err error) bool {
	var authority x509.UnknownAuthorityError
	return errors.As(err, &authority)
}
