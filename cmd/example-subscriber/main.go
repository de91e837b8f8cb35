// Command example-subscriber keeps an exact copy of the clients of an account in a file. See README.md.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"clients/cmd/example-subscriber/mirror"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// state is the copy, and the position in the stream that it belongs to: they are stored together.
type state struct {
	mirror.Copy
	Epoch    string `json:"epoch"`
	Sequence uint64 `json:"sequence"`
	ID       string `json:"id"` // ce-id of the message at Sequence; "" behind a list
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
	for err := run(); err != nil; err = run() {
		if !errors.Is(err, errStartOver) {
			log.Fatal(err) // start it again, or see what is wrong: the copy stays as of its position
		}
		fmt.Println(err)
		_ = os.Remove(*path)
	}
}

func run() error {
	var s state
	content, err := os.ReadFile(*path)
	if err == nil {
		err = json.Unmarshal(content, &s)
	} else if errors.Is(err, os.ErrNotExist) {
		err = s.list()
	}
	if err != nil {
		return err
	}
	return s.follow(context.Background())
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
	var list mirror.List
	err = json.NewDecoder(response.Body).Decode(&list)
	s.Copy = mirror.New(list)
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
		batch, err := consumer.Fetch(50, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return err
		}
		var pulled []jetstream.Msg
		for msg := range batch.Messages() {
			pulled = append(pulled, msg)
		}
		stream, streamErr := js.Stream(ctx, "CLIENTS") // after the pull: no message of another history is applied
		status, statusErr := consumer.Info(ctx)
		if err := errors.Join(batch.Error(), streamErr, statusErr); err != nil {
			return err
		}
		info := stream.CachedInfo()
		epoch := cmp.Or(info.Config.Metadata["epoch"], info.Created.UTC().Format(time.RFC3339Nano))
		if epoch != s.Epoch || info.State.LastSeq < s.Sequence {
			return errStartOver
		}
		if delivered += uint64(len(pulled)); status.Delivered.Consumer != delivered {
			return errors.New("a message was lost on the way")
		}
		for _, msg := range pulled {
			at, _ := msg.Metadata() // Fetch has read it
			id := msg.Headers().Get("ce-id")
			if at.Sequence.Stream == s.Sequence && s.ID != "" && id != s.ID {
				return errStartOver
			}
			if at.Sequence.Stream <= s.Sequence {
				continue
			}
			applied, err := s.Apply(msg.Subject(), msg.Headers(), msg.Data(), at.Timestamp)
			if err != nil {
				return errors.Join(fmt.Errorf("sequence %d: %w", at.Sequence.Stream, err), s.save())
			}
			s.Sequence, s.ID = at.Sequence.Stream, id
			fmt.Println(s.Sequence, msg.Headers().Get("ce-type"), applied)
		}
		if err := s.save(); err != nil {
			return err
		}
	}
	return err
}

// save replaces the file of the copy.
func (s *state) save() error {
	content, err := json.Marshal(s)
	if err := errors.Join(err, os.WriteFile(*path+".new", content, 0o600)); err != nil {
		return err
	}
	return os.Rename(*path+".new", *path)
}
