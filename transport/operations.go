package transport

import (
	"encoding/json"
	"net/http"

	"clients/transport/contracts"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Operations is the configuration of the operations endpoints.
type Operations struct {
	// Ready returns nil, or why the replica should get no requests.
	Ready func() error
	// ReadOnly returns why writes are refused while the service is ready, "" if they are not.
	ReadOnly func() string
	Metrics  prometheus.Gatherer
	Version  Version
	Hosts    Hosts
}

// Version is the version of the program.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

// Handler serves /livez, /readyz, /metrics, /version, and the contracts as /openapi.yaml, /asyncapi.yaml, /EVENTS.md
// and /schemas/.
func (o Operations) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := o.Ready(); err != nil {
			plain(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		if reason := o.ReadOnly(); reason != "" {
			plain(w, http.StatusOK, "read-only: "+reason)
			return
		}
		plain(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(o.Version)
	})
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) { document(w, "application/yaml", contracts.OpenAPI) })
	mux.HandleFunc("GET /asyncapi.yaml", func(w http.ResponseWriter, _ *http.Request) { document(w, "application/yaml", contracts.AsyncAPI) })
	mux.HandleFunc("GET /EVENTS.md", func(w http.ResponseWriter, _ *http.Request) {
		document(w, "text/markdown; charset=utf-8", contracts.Events)
	})
	mux.Handle("GET /schemas/", http.FileServerFS(contracts.Schemas))
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	return o.Hosts.Handler(mux)
}

func document(w http.ResponseWriter, mediaType string, content []byte) {
	w.Header().Set("Content-Type", mediaType)
	_, _ = w.Write(content)
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
