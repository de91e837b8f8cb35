// Command load runs the load of package workload against the demo in a cluster, for deploy/drill/run. It runs in a pod and is
// controlled by further runs of itself in the same pod:
//
//	load -url http://clients          runs the load until load -end
//	load -phase 'NATS restart'        begins a phase in which requests may fail
//	load -phase quiet -strict         begins a phase in which no request may fail
//	load -end                         ends the load, checks it and prints a table of the phases
//
// -end exits with code 1 if a strict phase has failures or a rule is violated.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"time"

	"clients/cmd/clients/internal/e2e/workload"
)

// control is the address at which the process that runs the load receives requests.
const control = "127.0.0.1:9099"

func main() {
	log.SetFlags(log.Ltime)
	base := flag.String("url", "", "URL of the service")
	phase := flag.String("phase", "", "begin a phase")
	strict := flag.Bool("strict", false, "with -phase: no request may fail in it")
	end := flag.Bool("end", false, "end the load")
	flag.Parse()
	switch {
	case *phase != "":
		post(fmt.Sprintf("/phase?name=%s&strict=%t", url.QueryEscape(*phase), *strict))
	case *end:
		post("/end")
	case *base != "":
		log.Fatal(serve(workload.Options{
			URLs: []string{*base}, Clients: 200, Uses: 150,
			Login: func(caller int) (string, string) { return fmt.Sprintf("demo%02d", 1+caller%40), "demo" },
			Groups: []workload.Group{
				{Callers: 8, Keep: true, Pause: func() time.Duration { return 10 * time.Millisecond }},
				{Callers: 8, Pause: func() time.Duration { return 100 * time.Millisecond }}, // they reach every replica
				{Callers: 24, Keep: true, Pause: func() time.Duration { return time.Second + rand.N(7*time.Second) }},
			},
		}))
	default:
		flag.Usage()
		os.Exit(2)
	}
}

// post sends a request to the process that runs the load, when it has started, and prints the response.
func post(path string) {
	response, err := http.Post("http://"+control+path, "", nil)
	for try := 0; err != nil && try < 60; try++ {
		time.Sleep(time.Second)
		response, err = http.Post("http://"+control+path, "", nil)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(os.Stdout, response.Body)
	if response.StatusCode != http.StatusOK {
		os.Exit(1)
	}
}

// serve runs the load and handles the requests of further runs.
func serve(o workload.Options) error {
	l, err := workload.Start(o)
	if err != nil {
		return err
	}
	http.HandleFunc("POST /phase", func(_ http.ResponseWriter, r *http.Request) {
		l.Phase(r.FormValue("name"), r.FormValue("strict") == "true")
	})
	http.HandleFunc("POST /end", func(w http.ResponseWriter, _ *http.Request) {
		l.Stop()
		l.Check(nil)
		var report bytes.Buffer
		if !l.Print(&report) {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = report.WriteTo(w)
	})
	return http.ListenAndServe(control, nil)
}
