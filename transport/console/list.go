package console

import (
	"net/url"
	"strconv"
	"strings"

	"clients/domain"
	"clients/projections/readmodel"
)

// maxQuery is how many bytes of a search count.
const maxQuery = 255

// filter says which clients a list shows, and which page of them.
type filter struct {
	Query  string // words: a client has each of them in its name or details, or as its id or Highrise id
	Active string // "yes", "no", or "" for both
	Page   int    // from 1
	words  []string
}

// readFilter reads the parameters q, active and page. A page that is none is the first one.
func readFilter(query url.Values) filter {
	f := filter{Query: strings.TrimSpace(query.Get("q")), Active: query.Get("active"), Page: 1}
	f.Query = strings.ToValidUTF8(f.Query[:min(len(f.Query), maxQuery)], "")
	if f.Active != "yes" && f.Active != "no" {
		f.Active = ""
	}
	if n, err := strconv.Atoi(query.Get("page")); err == nil && n > 0 {
		f.Page = n
	}
	f.words = strings.Fields(strings.ToLower(f.Query))
	return f
}

// all reports whether every client is shown.
func (f filter) all() bool { return len(f.words) == 0 && f.Active == "" }

func (f filter) matches(c *domain.Client) bool {
	if f.Active != "" && c.Active != (f.Active == "yes") {
		return false
	}
	if len(f.words) == 0 {
		return true
	}
	name, details := strings.ToLower(c.Name), strings.ToLower(c.Details)
	for _, word := range f.words {
		if !strings.Contains(name, word) && !strings.Contains(details, word) && word != number(c.ID) && word != number(c.HighriseID) {
			return false
		}
	}
	return true
}

// link returns the URL of another page of the list.
func (f filter) link(page int) string {
	return link("/console/", url.Values{"q": {f.Query}, "active": {f.Active}, "page": {strconv.Itoa(page)}})
}

// list is the data of list.html.
type list struct {
	Frame
	filter
	Clients        []*domain.Client
	Total, Found   int   // how many there are, and how many match
	First, Last    int   // of those that match, counted from 1
	Gone           int64 // an id that was searched for, and that no client of the account has
	Previous, Next string
}

// List returns a page of the clients that match a query. A page behind the last one shows the last one.
func List(frame Frame, query url.Values, listing readmodel.Listing) []byte {
	f := readFilter(query)
	l := list{Frame: frame, filter: f, Total: listing.Len}
	l.Page = min(f.Page, max(1, (listing.Len+pageSize-1)/pageSize))
	if id, err := strconv.ParseInt(f.Query, 10, 64); err == nil {
		l.Gone = max(id, 0)
	}
	for c := range listing.Clients() {
		if c.ID == l.Gone {
			l.Gone = 0
		}
		if !f.matches(c) {
			continue
		}
		if l.Found++; l.Found > l.Page*pageSize {
			if f.all() {
				break
			}
			continue
		}
		if len(l.Clients) == pageSize {
			l.Clients = l.Clients[:0] // it is full, and not the last one before the page
		}
		l.Clients = append(l.Clients, c)
	}
	if f.all() {
		l.Found = listing.Len
	}
	l.Page = min(l.Page, max(1, (l.Found+pageSize-1)/pageSize))
	l.First, l.Last = (l.Page-1)*pageSize+1, (l.Page-1)*pageSize+len(l.Clients)
	if l.Page > 1 {
		l.Previous = l.link(l.Page - 1)
	}
	if l.Last < l.Found {
		l.Next = l.link(l.Page + 1)
	}
	return render("list.html", l)
}
