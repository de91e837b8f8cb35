// Command load puts a service of clients under load, one that notices what should not happen: each caller creates,
// changes and reads clients of its own, sends no request twice but those that are made for it, and knows what each read has
// to show. It runs in the cluster, and is told by a second process of itself when another phase begins:
//
//	load -url http://clients                  puts it under load until it is told to end
//	load -phase "rolling update" -strict      begins a phase, in which no request may fail
//	load -end                                 ends it, looks whether every answered write is there and nothing else, and
//	                                          prints a table of the phases; exit code 1 where anything is not as it should be
package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"
)

// control is where the process that makes the load is told what to do.
const control = "127.0.0.1:9099"

func main() {
	log.SetFlags(log.Ltime)
	var o options
	flag.StringVar(&o.base, "url", "", "where the service is")
	flag.StringVar(&o.user, "user", "demo", "who calls")
	flag.StringVar(&o.password, "password", "demo", "the password of everybody who calls")
	flag.IntVar(&o.users, "users", 40, "call as that many users, demo01, demo02 and so on; 0 as the user alone")
	flag.IntVar(&o.busy, "busy", 8, "callers that keep a connection and hardly pause")
	flag.DurationVar(&o.pause, "pause", 10*time.Millisecond, "how long these pause")
	flag.IntVar(&o.fresh, "fresh", 8, "callers that open a connection for each request")
	flag.IntVar(&o.slow, "slow", 24, "callers that keep a connection and pause for 1 to 8 s")
	phase := flag.String("phase", "", "begin a phase")
	strict := flag.Bool("strict", false, "of the phase: no request may fail in it")
	end := flag.Bool("end", false, "end the load")
	flag.Parse()
	switch {
	case *phase != "" && *strict:
		tell("/phase?strict=1&name=" + url.QueryEscape(*phase))
	case *phase != "":
		tell("/phase?name=" + url.QueryEscape(*phase))
	case *end:
		tell("/end")
	case o.base != "":
		l, err := newLoad(o)
		if err == nil {
			err = serve(l)
		}
		log.Fatal(err)
	default:
		flag.Usage()
		os.Exit(2)
	}
}

// tell asks the process that makes the load, once it is there, and prints what it answers.
func tell(path string) {
	answer, err := http.Post("http://"+control+path, "", nil)
	for try := 0; err != nil && try < 60; try++ {
		time.Sleep(time.Second)
		answer, err = http.Post("http://"+control+path, "", nil)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(os.Stdout, answer.Body)
	if answer.StatusCode != http.StatusOK {
		os.Exit(1)
	}
}

// serve makes the load and does what it is told.
func serve(l *load) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := l.start(ctx); err != nil {
		return err
	}
	http.HandleFunc("POST /phase", func(w http.ResponseWriter, r *http.Request) {
		l.phase(r.FormValue("name"), r.FormValue("strict") != "")
	})
	http.HandleFunc("POST /end", func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			http.Error(w, "it has ended", http.StatusConflict)
			return
		}
		l.phase("ended", false)
		cancel()
		l.working.Wait()
		l.check(r.Context())
		var report bytes.Buffer
		if !l.report(&report) {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = report.WriteTo(w)
	})
	return http.ListenAndServe(control, nil)
}
