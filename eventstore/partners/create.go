package partners

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stream = "CLIENTS"

	// ownerKey is where the metadata of a consumer has the partner that it belongs to. Consumers that partners created
	// before there were accounts have none.
	ownerKey = "clients.partner"
)

// createConsumer returns the response to a request to create or update a consumer, whose subject ends with subject. A partner
// with accounts has few consumers for each of them.
func (r *responder) createConsumer(ctx context.Context, partner string, accounts []string, subject string, body []byte) []byte {
	request, err := decodeCreate(subject, body)
	config, action := &request.Config, request.Action
	var free []string
	if err == nil && accounts != nil {
		free, err = chooseName(config, partner, accounts)
	} else if err == nil && r.shared {
		err = protectName(config, partner)
	}
	if err != nil {
		return refuse(codeNotAllowed, "%v", err)
	}
	if config.Metadata == nil {
		config.Metadata = make(map[string]string)
	}
	config.Metadata[ownerKey] = partner
	if len(free) > 0 {
		return r.createUnnamed(ctx, partner, free, request)
	}
	if action != server.ActionUpdate {
		full, err := r.full(ctx, partner, config.Name)
		if err != nil {
			return refuse(codeUnavailable, "JetStream does not respond")
		}
		if full {
			return refuse(codeTooMany, "this login has %d consumers, which is the limit: delete unused ones", consumerLimit)
		}
		request.Action = server.ActionCreate
		response, number := r.create(ctx, request)
		if number != codeNameTaken.ErrorCode || action == server.ActionCreate {
			return response
		}
	}
	if !r.owns(ctx, partner, config.Name) {
		return refuse(codeNameTaken, "the name of the consumer is taken")
	}
	request.Action = server.ActionUpdate
	response, _ := r.create(ctx, request)
	return response
}

// create sends a request to the server, and returns its response and the error code in it, or 0.
func (r *responder) create(ctx context.Context, request server.CreateConsumerRequest) (response []byte, number jetstream.ErrorCode) {
	body, err := json.Marshal(request)
	if err != nil {
		return refuse(codeBadRequest, "%v", err), codeBadRequest.ErrorCode
	}
	response, err = r.request(ctx, "CONSUMER.CREATE."+stream+"."+request.Config.Name, body)
	if err != nil {
		return refuse(codeUnavailable, "JetStream does not respond: the consumer may have been created or not"), codeUnavailable.ErrorCode
	}
	var result struct{ Error jetstream.APIError }
	_ = json.Unmarshal(response, &result)
	return response, result.Error.ErrorCode
}

// deleteConsumer deletes a consumer that the partner created, or one that has the partner's name and no owner. Others are not
// found.
func (r *responder) deleteConsumer(ctx context.Context, partner, name string) []byte {
	info, err := r.info(ctx, name)
	if err != nil {
		return refuse(codeUnavailable, "JetStream does not respond")
	}
	owner, owned := info.Config.Metadata[ownerKey]
	if owner != partner && (owned || !r.shared || name != partner) {
		return refuse(codeNotFound, "consumer not found")
	}
	body, err := r.request(ctx, "CONSUMER.DELETE."+stream+"."+name, nil)
	if err != nil {
		return refuse(codeUnavailable, "JetStream does not respond: the consumer may have been deleted or not")
	}
	return body
}

// owns reports whether a consumer is the partner's. It may take over a pull consumer that belongs to no partner and reads no
// more than a partner may; where there are several partners, only one that has its name, or whose name the others cannot
// guess: while servers change to accounts one by one, a client may repeat a request that a server without accounts carried out.
func (r *responder) owns(ctx context.Context, partner, name string) bool {
	info, err := r.info(ctx, name)
	if err != nil {
		return false
	}
	if owner, owned := info.Config.Metadata[ownerKey]; owned {
		return owner == partner
	}
	exclusive := name == partner || info.Config.Durable == "" && len(name) >= randomNameLength
	return (exclusive || !r.shared) && check(&info.Config) == nil
}

// consumerInfo is what the server says of a consumer. It is empty if there is none.
type consumerInfo struct {
	Name    string
	Created time.Time
	Config  server.ConsumerConfig
}

func (r *responder) info(ctx context.Context, name string) (info consumerInfo, err error) {
	body, err := r.request(ctx, "CONSUMER.INFO."+stream+"."+name, nil)
	if err != nil {
		return info, err
	}
	err = json.Unmarshal(body, &info)
	return info, err
}

// full reports whether the partner has as many consumers as it may have, the named one not counted.
func (r *responder) full(ctx context.Context, partner, name string) (bool, error) {
	clients, err := r.js.Stream(ctx, stream)
	if err != nil || clients.CachedInfo().State.Consumers < consumerLimit { // most often: then there is nothing to count
		return false, err
	}
	count := 0
	consumers := clients.ListConsumers(ctx)
	for c := range consumers.Info() {
		if c.Config.Metadata[ownerKey] == partner && c.Name != name {
			count++
		}
	}
	return count >= consumerLimit, consumers.Err()
}
