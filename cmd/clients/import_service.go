package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"clients/cmd/clients/internal/terminal"
)

// importService is the service whose API clients are made by.
type importService struct {
	base           string // without a / at the end
	user, password string
	client         *http.Client
	tell           func(string)
	outage         outage
}

// create makes a client. It answers why the service refuses it, or that it cannot be asked.
func (s *importService) create(ctx context.Context, item listedClient) (id int64, refusal string, err error) {
	err = s.patiently(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, importAnswer)
		defer cancel()
		response, err := s.ask(ctx, http.MethodPost, item)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		content, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		if err != nil {
			return s.unanswered(ctx, err)
		}
		switch response.StatusCode {
		case http.StatusCreated:
			if _, err := fmt.Sscanf(response.Header.Get("Location"), "/clients/%d", &id); err != nil {
				return fmt.Errorf("%s does not say which client it has made: it is no clients service", s.base)
			}
			return nil
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			if refusal = reason(response, content); refusal != "" {
				return nil
			}
		}
		return s.unfit(response, content)
	})
	return id, refusal, err
}

// strike leaves of some ids those that the service does not have. It asks once more for what it does not find: a service
// may be a moment behind.
func (s *importService) strike(ctx context.Context, wanted map[int64]bool) error {
	for attempt := 0; ; attempt++ {
		if err := s.patiently(ctx, func(ctx context.Context) error { return s.list(ctx, func(id int64) { delete(wanted, id) }) }); err != nil {
			return err
		}
		if len(wanted) == 0 || attempt > 0 {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// list hands on the ids of all clients.
func (s *importService) list(ctx context.Context, each func(int64)) error {
	ctx, cancel := context.WithTimeout(ctx, importList)
	defer cancel()
	response, err := s.ask(ctx, http.MethodGet, listedClient{})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		return s.unfit(response, content)
	}
	decoder := json.NewDecoder(response.Body)
	_, err = decoder.Token()
	for err == nil && decoder.More() {
		var listed struct{ Client struct{ ID int64 } }
		if err = decoder.Decode(&listed); err == nil {
			each(listed.Client.ID)
		}
	}
	if err == nil {
		_, err = decoder.Token()
	}
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("%s answers something that is no list: it is no clients service", s.base)
	}
	if err != nil {
		return s.unanswered(ctx, err)
	}
	return nil
}

// ask sends one request: a client to make, or none.
func (s *importService) ask(ctx context.Context, method string, item listedClient) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.base+"/clients", bytes.NewReader(item.document))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", item.kind)
		request.Header.Set("Idempotency-Key", "import-"+item.key)
	}
	if s.user != "" {
		request.SetBasicAuth(s.user, s.password)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, s.unanswered(ctx, err)
	}
	return response, nil
}

// reason is why the service refuses a client; "" where it is not the service that answers.
func reason(response *http.Response, content []byte) string {
	if hint := response.Header.Get("Hint"); hint != "" || response.StatusCode == http.StatusBadRequest {
		return hint
	}
	if said := complaint(content); said != "" {
		return said
	}
	return "refused: " + response.Status // by what stands before the service
}

// complaint is what an error of the service says.
func complaint(content []byte) string {
	var said struct{ Message string }
	_ = json.Unmarshal(content, &said)
	return said.Message
}

// unfit says what to do about an answer that says nothing of a client. It may be a *passingError.
func (s *importService) unfit(response *http.Response, content []byte) error {
	said := complaint(content)
	if said == "" {
		said, _, _ = strings.Cut(strings.TrimSpace(string(content[:min(len(content), 200)])), "\n")
	}
	said = terminal.Printable(said)
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized && s.user == "":
		return fmt.Errorf("%s wants a login: --login (CLIENTS_IMPORT_LOGIN)", s.base)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%s refuses the login of %s", s.base, s.user)
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		wait := time.Second
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			wait = time.Duration(seconds) * time.Second
		}
		return &passingError{strings.TrimSuffix(fmt.Sprintf("%s puts off requests: %d %s: %s", s.base, status, http.StatusText(status), said), ": "), wait}
	case status >= http.StatusInternalServerError:
		return fmt.Errorf("%s answers %d: %s; %w", s.base, status, said, errAgain)
	case status >= 300 && status < 400:
		return fmt.Errorf("%s sends callers on to %q: name that by --url", s.base, response.Header.Get("Location"))
	case status == http.StatusBadRequest:
		return fmt.Errorf("%s answers as no clients service does: it may want https in --url. It says: %s", s.base, said)
	default:
		return fmt.Errorf("%s answers %d: it is no clients service. It says: %s", s.base, status, said)
	}
}
