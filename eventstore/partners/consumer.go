package partners

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/nats-server/v2/server"
)

// Limits of a partner's consumers.
const (
	consumerLimit     = 100 // consumers of one partner
	inactivityLimit   = 24 * time.Hour
	redeliveryLimit   = time.Second // the server spends all its time on a consumer that redelivers sooner
	ackPendingLimit   = 2_000       // NATS servers keep each in memory, with about 130 bytes
	waitingPullsLimit = 1_024

	// subjectLimit bounds, in bytes, what a partner chooses of a subject that is requested for it. The server closes a connection
	// that sends a line of more than 4 KiB, and the client then never connects again.
	subjectLimit = 1 << 10

	// randomNameLength is the least length of a name that is not in the subject, where permissions and imports of a partner
	// do not see it. The names of other partners' durable consumers are shorter.
	randomNameLength = 20
)

// decodeCreate reads a request to create the consumer that the subject names, "<name>[.<filter>]"; where it is empty the
// body names it, or nothing does. The result names the consumer and its filters as they are to be requested. An error says
// what is not allowed, for the partner to read; so is every field that the server of this release does not know.
func decodeCreate(subject string, body []byte) (server.CreateConsumerRequest, error) {
	name, filter, _ := strings.Cut(subject, ".")
	var r server.CreateConsumerRequest
	if len(body) > maxRequestLength {
		return r, fmt.Errorf("a request has at most %d bytes", maxRequestLength)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return r, fmt.Errorf("the request is invalid: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return r, errors.New("the request is invalid: more than one JSON value")
	}
	c := &r.Config
	if name == "" {
		if name = cmp.Or(c.Name, rand.Text()); len(name) < randomNameLength {
			return r, errors.New("the subject lacks the consumer's name")
		}
	}
	switch {
	case r.Stream != stream:
		return r, fmt.Errorf("the stream is %s", stream)
	case strings.ContainsFunc(name, inNoName), c.Name != "" && c.Name != name, c.Durable != "" && c.Durable != name:
		return r, errors.New("the consumer's name differs from the subject's")
	case len(name)+len(c.FilterSubject) > subjectLimit:
		return r, fmt.Errorf("the name and the filter have at most %d bytes", subjectLimit)
	case filter != "" && (c.FilterSubject != filter || len(c.FilterSubjects) > 0):
		return r, errors.New("the filter differs from the subject's")
	}
	c.Name = name
	if c.MaxAckPending < 0 || c.MaxAckPending > ackPendingLimit { // older libraries send it by themselves
		c.MaxAckPending = ackPendingLimit
	}
	return r, check(c)
}

// check returns an error where a partner may not have such a consumer.
func check(c *server.ConsumerConfig) error {
	switch {
	case c.DeliverSubject != "":
		return errors.New("push consumers are not allowed: use a pull consumer or an ordered consumer")
	case c.DeliverGroup != "", c.FlowControl, c.Heartbeat != 0, c.RateLimit != 0, c.Direct, c.Sourcing:
		return errors.New("only pull consumers and ordered consumers are allowed, without flow control, heartbeats and rate limits of their own")
	case c.InactiveThreshold > inactivityLimit:
		return fmt.Errorf("inactive_threshold is at most %s", inactivityLimit)
	case slices.ContainsFunc(append(c.BackOff[:len(c.BackOff):len(c.BackOff)], c.AckWait), isShort):
		return fmt.Errorf("ack_wait and backoff are at least %s", redeliveryLimit)
	case c.MaxWaiting > waitingPullsLimit:
		return fmt.Errorf("max_waiting is at most %d", waitingPullsLimit)
	}
	for _, filter := range filtersOf(c) {
		if !strings.HasPrefix(filter, "clients.") || strings.ContainsFunc(filter, inNoSubject) {
			return errors.New("the filter has to be clients.> or a part of it")
		}
	}
	return nil
}

// isShort reports whether a message would be redelivered after too short a time. 0 is the server's default for ack_wait.
func isShort(wait time.Duration) bool { return wait != 0 && wait < redeliveryLimit }

// filtersOf returns what a consumer selects, at least one filter: "" selects everything.
func filtersOf(c *server.ConsumerConfig) []string {
	if c.FilterSubject != "" || len(c.FilterSubjects) == 0 {
		return append(c.FilterSubjects[:len(c.FilterSubjects):len(c.FilterSubjects)], c.FilterSubject)
	}
	return c.FilterSubjects
}

// Characters that cannot be in a subject end it in the protocol of NATS, and what follows would be carried out with the
// rights of the service.
func inNoSubject(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar
}

func inNoName(r rune) bool { return inNoSubject(r) || strings.ContainsRune(`.*>/\\`, r) }

// protectName keeps other partners from guessing the name of a consumer, by which they would reach it. A durable consumer is
// named as its partner's login is, which permissions deny to the others (see deploy/kubernetes). A short name of another
// consumer is extended by random characters: the response has the whole name, and NATS clients use that.
func protectName(c *server.ConsumerConfig, partner string) error {
	if c.Durable != "" && c.Durable != partner {
		return fmt.Errorf("a durable consumer is named as its login is, %s: others could guess another name", partner)
	}
	if strings.Contains(c.Name, accountSeparator) {
		return fmt.Errorf("a name with %s belongs to a partner that reads one account", accountSeparator)
	}
	if c.Durable == "" && len(c.Name) < randomNameLength {
		c.Name += "-" + rand.Text()
	}
	return nil
}
