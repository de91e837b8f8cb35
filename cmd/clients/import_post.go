package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How long a service that does not answer, or puts off, is tried again; and how long it is given for one answer.
const (
	importPatience = 2 * time.Minute
	importAnswer   = 30 * time.Second
)

// post makes a client. It answers why the service refuses it, or that it cannot be asked. As long as the service is not
// there, or puts it off, it asks again, with the same key.
func (i *importer) post(ctx context.Context, item listedClient) (id int64, refusal string, err error) {
	for deadline := time.Now().Add(importPatience); ; {
		answer, err := i.send(ctx, item)
		wait := time.Second
		switch {
		case err != nil:
		case answer.status == http.StatusCreated:
			_, err := fmt.Sscanf(answer.header.Get("Location"), "/clients/%d", &id)
			return id, "", err
		case answer.status == http.StatusServiceUnavailable:
			if seconds, err := strconv.Atoi(answer.header.Get("Retry-After")); err == nil {
				wait = time.Duration(seconds) * time.Second
			}
			err = fmt.Errorf("the service answers %d: %s", answer.status, answer.hint)
		case answer.status == http.StatusBadRequest, answer.status == http.StatusRequestEntityTooLarge, answer.status == http.StatusUnprocessableEntity:
			return 0, answer.hint, nil
		default:
			return 0, "", fmt.Errorf("the service answers %d: %s", answer.status, answer.hint)
		}
		if time.Now().Add(wait).After(deadline) {
			return 0, "", err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return 0, "", context.Cause(ctx)
		}
	}
}

// posted is what the service answers.
type posted struct {
	status int
	header http.Header
	hint   string
}

func (i *importer) send(ctx context.Context, item listedClient) (posted, error) {
	ctx, cancel := context.WithTimeout(ctx, importAnswer)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(i.command.URL, "/")+"/clients", bytes.NewReader(item.document))
	if err != nil {
		return posted{}, err
	}
	request.Header.Set("Content-Type", item.kind)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Idempotency-Key", fmt.Sprintf("import-%s-%d", i.list, item.position))
	if user, password, given := strings.Cut(i.command.Login, ":"); given {
		request.SetBasicAuth(user, password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return posted{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	hint := response.Header.Get("Hint")
	if hint == "" {
		hint = strings.TrimSuffix(strings.TrimPrefix(string(content), `{"message":"`), `"}`)
	}
	return posted{response.StatusCode, response.Header, hint}, err
}
