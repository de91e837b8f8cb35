package transport

import (
	"net/http"
	"strconv"
	"strings"
)

// resource is what a path is about. A new one needs a name here and its calls in callsOf.
type resource string

const (
	unknown     resource = "unknown"
	clientList  resource = "/clients"
	oneClient   resource = "/clients/{id}"
	clientFeed  resource = "/clients/feed"
	clientState resource = "/clients/{id}/toggle"
	history     resource = "/clients/{id}/history"
	whoAmI      resource = "/account/who_am_i"
	rateStatus  resource = "/account/rate_limit_status"

	consoleList   resource = "/console"
	consoleClient resource = "/console/clients/{id}"
	consoleAsset  resource = "/console/{asset}"
)

// call makes one call of the API. An error becomes the response.
type call func(*API, *response, *request) error

// callsOf holds what can be done with each resource. Every GET is a HEAD, too.
var callsOf = map[resource]map[string]call{
	clientList: {
		http.MethodGet:  (*API).listClients,
		http.MethodHead: (*API).listClients,
		http.MethodPost: (*API).createClient,
	},
	oneClient: {
		http.MethodGet:    (*API).getClient,
		http.MethodHead:   (*API).getClient,
		http.MethodPut:    (*API).updateClient,
		http.MethodDelete: (*API).deleteClient,
	},
	clientState: {
		http.MethodPost: (*API).toggleClient,
		http.MethodPut:  (*API).toggleClient, // what the first libraries send
	},
	clientFeed: reads((*API).getFeed),
	history:    reads((*API).getHistory),
	whoAmI:     reads((*API).showAccount),
	rateStatus: reads((*API).showRateLimit),

	consoleList:   reads(showConsole),
	consoleClient: reads(showClient),
	consoleAsset:  reads(showAsset),
}

// reads returns the calls of a resource that cannot be written.
func reads(c call) map[string]call { return map[string]call{http.MethodGet: c, http.MethodHead: c} }

// route is a path taken apart.
type route struct {
	resource resource
	id       int64
	suffix   string // ".xml", ".json" or ""; ".html" for everything of the console
}

// ownPages reports whether, of all web pages, only those of the service itself may have a browser read the resource.
func (r route) ownPages() bool { return r.resource == clientFeed || r.suffix == suffixHTML }

const suffixHTML = "." + string(formatHTML)

// parseRoute takes a path apart. Slashes at its end and doubled ones do not matter, and any part of it may bear the suffix.
func parseRoute(path string) route {
	r := route{resource: unknown}
	parts := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	for i, part := range parts {
		for _, suffix := range []string{".xml", ".json"} {
			if bare, ok := strings.CutSuffix(part, suffix); ok {
				part, r.suffix = bare, suffix
				break
			}
		}
		if id, err := strconv.ParseUint(part, 10, 63); err == nil && id > 0 {
			part, r.id = "{id}", int64(id)
		} else if part == "{id}" {
			part = "" // of no resource
		}
		parts[i] = part
	}
	if len(parts) > 0 && parts[0] == "console" {
		r.suffix = suffixHTML
		if len(parts) == 2 {
			parts[1] = "{asset}"
		}
	}
	if found := resource("/" + strings.Join(parts, "/")); callsOf[found] != nil {
		r.resource = found
	}
	return r
}
