package ingest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// Reason says why a message cannot be used.
type Reason string

// The reasons. A message that makes the handler panic is unreadable, too.
const (
	Unreadable    Reason = "unreadable"
	UnknownType   Reason = "unknown-type"
	UnknownClient Reason = "unknown-client"
	DeletedClient Reason = "deleted-client"
)

// reasons are all of them.
func reasons() []Reason { return []Reason{Unreadable, UnknownType, UnknownClient, DeletedClient} }

// Unusable tells that a message says nothing that can be recorded, however often it is tried.
type Unusable struct {
	Reason Reason
	Detail string
}

func (u *Unusable) Error() string { return string(u.Reason) + ": " + u.Detail }

func unusablef(reason Reason, format string, args ...any) error {
	return &Unusable{reason, fmt.Sprintf(format, args...)}
}

// unusable reports whether a message that failed with err has to go into quarantine.
func unusable(err error) bool {
	var u *Unusable
	var panicked middleware.RecoveredPanicError
	return errors.As(err, &u) || errors.As(err, &panicked)
}

// maxDetail bounds what is kept of a text that another service may have had a hand in, in bytes.
const maxDetail = 500

// readUnusable reads back the text of the error that sent a message into quarantine.
func readUnusable(text string) *Unusable {
	if len(text) > maxDetail {
		text = text[:maxDetail] + "..."
	}
	text = strings.ToValidUTF8(text, "?")
	for _, reason := range reasons() {
		if detail, ok := strings.CutPrefix(text, string(reason)+": "); ok {
			return &Unusable{reason, detail}
		}
	}
	first, _, _ := strings.Cut(text, "\n")
	return &Unusable{Unreadable, first}
}
