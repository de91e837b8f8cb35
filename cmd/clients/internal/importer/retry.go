package importer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// reportInterval is how often it is reported that requests are retried.
const reportInterval = 15 * time.Second

// waiting decides what is retried and reports it.
type waiting struct {
	out  io.Writer
	base string

	mu       sync.Mutex
	reason   string // of the last retry
	reported time.Time
}

// checkRetry retries what may succeed later.
func (w *waiting) checkRetry(ctx context.Context, response *http.Response, err error) (bool, error) {
	var name *net.DNSError
	if isNoTLS(err) || errors.As(err, &name) && name.IsNotFound {
		return false, err
	}
	retry, policyErr := retryablehttp.DefaultRetryPolicy(ctx, response, err)
	if retry && err != nil {
		w.retrying(withoutURL(err).Error())
	} else if retry {
		w.retrying(response.Status)
	}
	return retry, policyErr
}

func (w *waiting) retrying(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reason = reason
	if time.Since(w.reported) >= reportInterval {
		w.reported = time.Now()
		fmt.Fprintf(w.out, "waiting for %s: %s\n", w.base, reason)
	}
}

func (w *waiting) lastReason() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reason
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
