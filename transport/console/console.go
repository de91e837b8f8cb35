// Package console makes the pages of the console: HTML for people, of what the API's GETs show to programs. It is read-only.
//
//	GET /console/             List    clients, with a search and a filter, page by page
//	GET /console/clients/ID   Client  one client, its timeline, and its state at any point of that
//	GET /console/NAME         Asset   style sheet, script and icon
//	a refusal of any of them  Refusal
//
// Package transport admits a request like any other one, reads what a page is about, and sends the page:
//
//	readmodel.Listing, timeline.Version -> List, Client -> pages/*.html -> bytes of a response
//
// The URL of a page is its whole state, so that it can be passed on. A page is complete without its script, which adds local
// times and follows the account's feed: it opens the feed behind the position of the page, requests the page again when
// something has happened, and puts the new content in the place of the old. A hidden tab closes its feed. When it is shown
// again it requests the page and opens the feed behind the new position, so that it misses nothing.
//
// A page holds at most pageSize clients or events with shortened values, and one client as a whole; so it has a bound, however
// many clients and events there are. A search reads all clients of the account once.
//
// The pages and assets are part of the program. The Content-Security-Policy allows nothing but the assets: no inline script or
// style, no other host.
package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed pages assets
var files embed.FS

// pageSize is how many clients or events a page shows.
const pageSize = 50

// Frame is what all pages have in common.
type Frame struct {
	Account, User string
	// Position is where the feed continues behind what the page shows: an id of the feed.
	Position string
	// Stale means that the page may not show what was acknowledged last.
	Stale bool
	// ReadOnly means that the service accepts no changes at present.
	ReadOnly bool
}

// Types returns the types of events that the script listens for, and what they are called.
func (Frame) Types() map[string]string { return labels }

var labels = map[string]string{
	"clients.v1.ClientCreated":                "Created",
	"clients.v1.ClientUpdated":                "Updated",
	"clients.v1.ClientToggled":                "Toggled",
	"clients.v1.ClientInvoiceDefaultsChanged": "Invoice defaults changed",
	deleted: "Deleted",
	erased:  "Erased",
}

// The types of events behind which a client does not exist. After an erasure there is no other event of the client.
const (
	deleted = "clients.v1.ClientDeleted"
	erased  = "clients.v1.ClientErased"
)

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"count": func(n int) string { return message.NewPrinter(language.English).Sprint(n) },
	"utc":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).ParseFS(files, "pages/*.html"))

func render(page string, data any) []byte {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, page, data); err != nil {
		panic(err) // the template and the data do not fit
	}
	return b.Bytes()
}

// Refusal returns the page of an error. If the request for the page of a client was invalid, it links to that client.
func Refusal(status int, message string, client int64) []byte {
	return render("refusal.html", struct {
		Frame
		Status        int
		Title, Reason string
		Client        int64
	}{Status: status, Title: http.StatusText(status), Reason: message, Client: client})
}

// mediaTypes are those of the assets. The tables of some systems have others, with which browsers run no script.
var mediaTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// Asset returns a file that pages refer to, with its media type. found is false if there is none of that name.
func Asset(name string) (content []byte, kind string, found bool) {
	content, err := files.ReadFile(path.Join("assets", path.Base(name)))
	return content, mediaTypes[path.Ext(name)], err == nil
}

// SetHeaders sets what protects pages and assets in a browser.
func SetHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}
