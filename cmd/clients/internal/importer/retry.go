package importer

import (
	"context"
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
