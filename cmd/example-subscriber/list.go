package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// takeList fills an empty copy with all clients of the account to which the login of an address, as
// http://user:password@host:8080, belongs. The copy then has every event of the account up to its Sequence, and none after it.
func (c *clientsCopy) takeList(ctx context.Context, api string) error {
	var account struct{ Company struct{ Name string } }
	if _, err := get(ctx, api+"/account/who_am_i.json", &account); err != nil {
		return err
	}
	var list []struct{ Client *client }
	header, err := get(ctx, api+"/clients.json", &list)
	if err != nil {
		return err
	}
	if c.Sequence, err = strconv.ParseUint(header.Get("Stream-Sequence"), 10, 64); err != nil {
		return fmt.Errorf("take the list: Stream-Sequence: %w", err)
	}
	c.Account, c.Epoch = account.Company.Name, header.Get("Stream-Epoch")
	clients := make(map[int64]*client)
	for _, entry := range list {
		clients[entry.Client.ID] = entry.Client
		if entry.Client.UpdatedAt.After(c.Clock) {
			c.Clock = entry.Client.UpdatedAt
		}
	}
	c.Accounts[c.Account] = clients
	return nil
}

// get requests a JSON document of the service.
func get(ctx context.Context, url string, document any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("take the list: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("take the list: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("take the list: %s: %s", request.URL.Redacted(), response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(document); err != nil {
		return nil, fmt.Errorf("take the list: %s: %w", request.URL.Redacted(), err)
	}
	return response.Header, nil
}
