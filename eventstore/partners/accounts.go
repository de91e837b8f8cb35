package partners

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// accountsToken is in the subjects at which partners with accounts are served, before their accounts.
	accountsToken = "accounts"
	// accountSeparator is in the names of their consumers. Names of accounts and partners do not contain it.
	accountSeparator = "+"
)

// ConsumerNames are the names of the consumers that a partner with accounts has for one of them: first that of the durable one,
// then those of others. A partner that loses the account no longer imports the names: the consumers are out of its reach at
// once.
func ConsumerNames(partner, account string) []string {
	durable := partner + accountSeparator + account
	return []string{durable, durable + accountSeparator + "1", durable + accountSeparator + "2"}
}

// chooseName checks the name of a requested consumer of a partner with accounts, by the account that its filters select. If it
// is not durable and has another name, it returns those that it may have: libraries choose random ones, and use that of the
// response.
func chooseName(c *server.ConsumerConfig, partner string, accounts []string) ([]string, error) {
	for _, account := range accounts {
		if slices.ContainsFunc(filtersOf(c), func(filter string) bool { return !strings.HasPrefix(filter, "clients."+account+".") }) {
			continue
		}
		names := ConsumerNames(partner, account)
		if c.Durable != "" && c.Durable != names[0] {
			return nil, fmt.Errorf("the durable consumer of %s for the account %s is named %s", partner, account, names[0])
		}
		if c.Durable != "" || slices.Contains(names[1:], c.Name) {
			return nil, nil
		}
		return names[1:], nil
	}
	return nil, fmt.Errorf("the filter has to be clients.ACCOUNT.> or a part of it, for one of the accounts of %s: %s", partner, strings.Join(accounts, ", "))
}

// createUnnamed creates a consumer with the first of the names that is free, or in the place of the oldest one.
func (r *responder) createUnnamed(ctx context.Context, partner string, names []string, request server.CreateConsumerRequest) []byte {
	request.Action = server.ActionCreate
	request.Config.Metadata["clients.created"] = rand.Text() // the server returns an existing consumer whose configuration is equal
	var oldest consumerInfo
	for _, name := range names {
		request.Config.Name = name
		response, number := r.create(ctx, request)
		if number != codeNameTaken.ErrorCode {
			return response
		}
		info, err := r.info(ctx, name)
		if err != nil {
			return refuse(codeUnavailable, "JetStream does not respond")
		}
		if oldest.Name == "" || info.Created.Before(oldest.Created) {
			oldest = info
		}
	}
	request.Config.Name = oldest.Name
	r.deleteConsumer(ctx, partner, oldest.Name)
	response, _ := r.create(ctx, request)
	return response
}

// accountInfo is the information of a NATS account, without what is in the streams.
func accountInfo() []byte {
	stats := server.JetStreamAccountStats{API: server.JetStreamAPIStats{Level: server.JSApiLevel}}
	stats.Limits = server.JetStreamAccountLimits{MaxMemory: -1, MaxStore: -1, MaxStreams: -1, MaxConsumers: -1} // none
	body, _ := json.Marshal(server.JSApiAccountInfoResponse{
		ApiResponse: server.ApiResponse{Type: server.JSApiAccountInfoResponseType}, JetStreamAccountStats: &stats,
	})
	return body
}

// removeCounts removes from a stream's information how much there is of all accounts. What a subscriber needs remains: the
// configuration with the epoch, the time of creation, and the first and last sequence.
func removeCounts(body []byte) []byte {
	var all server.JSApiStreamInfoResponse
	if json.Unmarshal(body, &all) != nil {
		return refuse(codeUnavailable, "JetStream does not respond")
	}
	if info := all.StreamInfo; info != nil {
		state := server.StreamState{FirstSeq: info.State.FirstSeq, LastSeq: info.State.LastSeq}
		all.StreamInfo = &server.StreamInfo{Config: info.Config, Created: info.Created, State: state, TimeStamp: info.TimeStamp}
	}
	body, _ = json.Marshal(all)
	return body
}
