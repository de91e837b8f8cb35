// Package sse writes server-sent events, as browsers read them with EventSource: see
// https://html.spec.whatwg.org/multipage/server-sent-events.html.
//
//	Begin -> Event, Position -> Flush -> connection
//
// Call Flush to send what was written. If the reader takes nothing for a while, the stream ends with the error
// os.ErrDeadlineExceeded. After every error of this package the context of the request is cancelled.
package sse

import (
	"fmt"
	"net/http"
	"time"
)

// patience is how long a reader may leave what is sent to it.
const patience = 10 * time.Second

// Stream is the body of a response. One goroutine uses it.
type Stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// Begin sends the header of a response.
func Begin(w http.ResponseWriter) *Stream {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // for nginx
	s := &Stream{w: w, control: http.NewResponseController(w)}
	_ = s.control.SetReadDeadline(time.Time{}) // there is nothing more to read
	w.WriteHeader(http.StatusOK)
	return s
}

// Event writes an event. Neither part contains the end of a line.
func (s *Stream) Event(id, kind string, data []byte) error {
	return s.write(fmt.Appendf(nil, "id: %s\nevent: %s\ndata: ", id, kind), data, []byte("\n\n"))
}

// Position writes a comment and an id without an event. The reader remembers the id, and resumes there.
func (s *Stream) Position(id string) error {
	return s.write(fmt.Appendf(nil, ": position\nid: %s\n\n", id))
}

// Flush sends what was written.
func (s *Stream) Flush() error {
	_ = s.control.SetWriteDeadline(time.Now().Add(patience))
	return s.control.Flush()
}

func (s *Stream) write(parts ...[]byte) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(patience))
	for _, part := range parts {
		if _, err := s.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
