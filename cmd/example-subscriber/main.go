// Command example-subscriber keeps an exact copy of the clients of an account in a file. See README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// state is the copy, and the position in the stream that it belongs to: they are stored together.
type state struct {
	Epoch    string                                `json:"epoch"`
	Sequence uint64                                `json:"sequence"`
	ID       string                                `json:"id"`    // ce-id of the message at Sequence; "" behind a list
	Clock    string                                `json:"clock"` // see EVENTS.md
	Clients  map[string]map[string]json.RawMessage `json:"clients"`
	Gone     map[string]bool                       `json:"gone"` // ids of clients that were deleted
}

var (
	api     = flag.String("api", "http://127.0.0.1:8080", "address of the API, with the login if there is one")
	url     = flag.String("nats-url", "nats://127.0.0.1:4222", "NATS server, with the login if there is one")
	account = flag.String("account", "default", "account of the login")
	path    = flag.String("copy", "clients-copy.json", "file of the copy")
	once    = flag.Bool("once", false, "exit when there is no further event")

	errStartOver = errors.New("starting over: the copy belongs to another history")
)

func main() {
	flag.Parse()
	err := run(context.Background())
	for errors.Is(err, errStartOver) {
		fmt.Println(err)
		_ = os.Remove(*path)
		err = run(context.Background())
	}
	if err != nil {
		log.Fatal(err) // start it again, or see what is wrong: the copy stays as of its position
	}
}

func run(ctx context.Context) error {
	s := state{Clients: make(map[string]map[string]json.RawMessage), Gone: make(map[string]bool)}
	content, err := os.ReadFile(*path)
	if err == nil {
		err = json.Unmarshal(content, &s)
	} else if errors.Is(err, os.ErrNotExist) {
		err = s.list()
	}
	if err != nil {
		return err
	}
	return s.follow(ctx)
}

// list fills the copy with all clients of the account.
func (s *state) list() error {
	response, err := http.Get(*api + "/clients.json")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New("list: " + response.Status)
	}
	var list []struct{ Client map[string]json.RawMessage }
	err = json.NewDecoder(response.Body).Decode(&list)
	for _, entry := range list {
		s.Clients[string(entry.Client["id"])] = entry.Client
		s.Clock = max(s.Clock, strings.Trim(string(entry.Client["updated_at"]), `"`))
	}
	s.Epoch = response.Header.Get("Stream-Epoch")
	s.Sequence, _ = strconv.ParseUint(response.Header.Get("Stream-Sequence"), 10, 64)
	fmt.Println("list up to", s.Sequence)
	return err
}

// follow reads the stream from the position on. It returns nil if -once is set and no event is left.
func (s *state) follow(ctx context.Context) error {
	nc, err := nats.Connect(*url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, _ := jetstream.New(nc)
	consumer, err := js.CreateConsumer(ctx, "CLIENTS", jetstream.ConsumerConfig{
		FilterSubject: "clients." + *account + ".>", AckPolicy: jetstream.AckNonePolicy,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(s.Sequence, 1), // the last message again
	})
	for delivered, before := uint64(0), uint64(1); err == nil && (!*once || delivered != before); {
		before = delivered
		stream, err := js.Stream(ctx, "CLIENTS")
		if err != nil {
			return err
		}
		info := stream.CachedInfo()
		epoch, named := info.Config.Metadata["epoch"]
		if !named {
			epoch = info.Created.UTC().Format(time.RFC3339Nano)
		}
		if epoch != s.Epoch || info.State.LastSeq < s.Sequence {
			return errStartOver
		}
		batch, err := consumer.Fetch(50, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return err
		}
		for msg := range batch.Messages() {
			at, err := msg.Metadata()
			if delivered++; err != nil || at.Sequence.Consumer != delivered {
				return errors.Join(errors.New("a message was lost on the way"), err)
			}
			if err := s.take(msg, at.Sequence.Stream, at.Timestamp.UTC().Format("2006-01-02T15:04:05Z")); err != nil {
				return err
			}
		}
		if err := errors.Join(batch.Error(), s.save()); err != nil {
			return err
		}
	}
	return err
}

// save replaces the file of the copy.
func (s *state) save() error {
	content, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(*path+".new", content, 0o600)
	}
	if err == nil {
		err = os.Rename(*path+".new", *path)
	}
	return err
}
