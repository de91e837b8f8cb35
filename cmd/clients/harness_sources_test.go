package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// said is an event of another service that is not published yet.
type said struct {
	kind, subject, data string
}

// project is an event about a project; data is the JSON object's members behind the id.
func project(event string, id int64, members string) said {
	return said{"projects.v1.Project" + event, fmt.Sprintf("projects.default.%d", id), object(id, members)}
}

// invoice is an event about an invoice.
func invoice(event string, id int64, members string) said {
	return said{"invoices.v1.Invoice" + event, fmt.Sprintf("invoices.default.%d", id), object(id, members)}
}

func object(id int64, members string) string {
	if members != "" {
		members = "," + members
	}
	return fmt.Sprintf(`{"id":%d%s}`, id, members)
}

// message makes what the other service publishes: with the same envelope as the events of clients.
func (s said) message() *nats.Msg {
	header := nats.Header{
		"ce-specversion":   {"1.0"},
		"ce-id":            {uuid.Must(uuid.NewV7()).String()},
		"ce-type":          {s.kind},
		"ce-source":        {"/another-service"},
		"ce-time":          {time.Now().UTC().Format(time.RFC3339Nano)},
		"ce-clientversion": {"1"},
		"content-type":     {"application/json"},
	}
	header.Set("Nats-Msg-Id", header.Get("ce-id"))
	header.Set("ce-checksum", checksumOf(s.subject, header, s.data))
	return &nats.Msg{Subject: s.subject, Header: header, Data: []byte(s.data)}
}

// say publishes events of another service, and returns when they are acknowledged.
func (p *tap) say(events ...said) {
	p.t.Helper()
	for _, event := range events {
		m := event.message()
		p.publish(m.Subject, m.Header, string(m.Data))
	}
}

// labelled reads a metric with labels; 0 when it is not there.
func (a *app) labelled(name, labels string) int {
	a.t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + `{` + labels + `} (\S+)$`).FindStringSubmatch(a.ops("/metrics").body)
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(a.t, err)
	return int(value)
}
