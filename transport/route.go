package transport

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// resource is what a path is about.
type resource string

const (
	unknown     resource = "unknown"
	clientList  resource = "/clients"
	oneClient   resource = "/clients/{id}"
	clientState resource = "/clients/{id}/toggle"
	history     resource = "/clients/{id}/history"
	whoAmI      resource = "/account/who_am_i"
	rateStatus  resource = "/account/rate_limit_status"
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
	history: {
		http.MethodGet:  (*API).getHistory,
		http.MethodHead: (*API).getHistory,
	},
	whoAmI: {
		http.MethodGet:  (*API).showAccount,
		http.MethodHead: (*API).showAccount,
	},
	rateStatus: {
		http.MethodGet:  (*API).showRateLimit,
		http.MethodHead: (*API).showRateLimit,
	},
}

func allowed(calls map[string]call) string {
	return strings.Join(slices.Sorted(maps.Keys(calls)), ", ")
}

// route is a path taken apart.
type route struct {
	resource resource
	id       int64
	suffix   string // "xml", "json" or ""
}

// parseRoute takes a path apart. Slashes at its end and doubled ones do not matter, and any part of it may bear the suffix.
func parseRoute(path string) route {
	r := route{resource: unknown}
	parts := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	for i, part := range parts {
		for _, suffix := range []string{"xml", "json"} {
			if bare, ok := strings.CutSuffix(part, "."+suffix); ok {
				parts[i], r.suffix = bare, suffix
			}
		}
	}
	if len(parts) == 2 && parts[0] == "account" && callsOf[resource("/account/"+parts[1])] != nil {
		r.resource = resource("/account/" + parts[1])
	}
	if len(parts) == 0 || parts[0] != "clients" {
		return r
	}
	if len(parts) > 1 {
		id, err := strconv.ParseUint(parts[1], 10, 63)
		if err != nil || id == 0 {
			return r
		}
		r.id = int64(id)
	}
	switch {
	case len(parts) == 1:
		r.resource = clientList
	case len(parts) == 2:
		r.resource = oneClient
	case len(parts) == 3 && parts[2] == "toggle":
		r.resource = clientState
	case len(parts) == 3 && parts[2] == "history":
		r.resource = history
	}
	return r
}
