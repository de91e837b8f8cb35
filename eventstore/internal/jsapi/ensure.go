package jsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ConfigError reports that a stream exists with a configuration that a guarantee does not hold for.
type ConfigError struct {
	Stream      string
	Differences []string // "setting: have X, need Y"
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("stream %s is configured differently and is left as it is: %s", e.Stream, strings.Join(e.Differences, "; "))
}

// EnsureStream creates a stream, or returns the information of the existing one. An existing stream is never altered: if
// it differs the error is a *ConfigError.
func (c *Client) EnsureStream(ctx context.Context, want jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	stream, err := WithContext(ctx, func() (jetstream.Stream, error) {
		stream, err := c.JetStream.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			stream, err = c.JetStream.CreateStream(ctx, want)
		}
		return stream, err
	})
	if api := apiError(err); api != nil && api.ErrorCode == codeNoCluster {
		err = fmt.Errorf("%w: %d replicas requested", ErrNoCluster, want.Replicas)
	}
	if err != nil {
		return nil, OfStream(want.Name, err)
	}
	info := stream.CachedInfo()
	if d := differences(info.Config, want); len(d) > 0 {
		return nil, &ConfigError{Stream: want.Name, Differences: d}
	}
	return info, nil
}

// OfStream adds the name of the stream to the error of a request. If there is no response in time, or the response of a server that
// knows of no leader, the error says that the stream has no leader.
func OfStream(stream string, err error) error {
	api := apiError(err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders) || api != nil && api.Code == http.StatusServiceUnavailable {
		return fmt.Errorf("stream %s has no leader", stream)
	}
	return fmt.Errorf("stream %s: %w", stream, err)
}

// unchecked are the settings that no guarantee depends on. Earlier releases have created streams with DenyDelete.
var unchecked = []string{
	"Description", "Metadata", "Placement", "RePublish", "DenyPurge", "DenyDelete", "FirstSeq", "MirrorDirect", "Template",
	"AllowBatchPublish",
}

// differences lists the settings in which have differs from want, by the names of the JSON that NATS shows.
func differences(have, want jetstream.StreamConfig) (found []string) {
	want.Duplicates = cmp.Or(want.Duplicates, have.Duplicates) // the server has a default of its own
	h, w := reflect.ValueOf(have), reflect.ValueOf(want)
	for i := range h.NumField() {
		field := h.Type().Field(i)
		if slices.Contains(unchecked, field.Name) {
			continue
		}
		if h, w := setting(h.Field(i)), setting(w.Field(i)); h != w {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			found = append(found, fmt.Sprintf("%s: have %s, need %s", name, h, w))
		}
	}
	return found
}

// setting returns the value of a setting. No limit is 0, for which the server reports -1.
func setting(v reflect.Value) string {
	if v.CanInt() && v.Int() < 0 {
		return "0"
	}
	return fmt.Sprint(v.Interface())
}
