// Command load puts a service of clients under load, one that notices what should not happen: each caller creates,
// changes and reads clients of its own, without repeating any request, and knows what each read has to show. It runs in
// the cluster, and is told by a second process of itself when another phase begins:
//
//	load -url http://clients            puts it under load until it is told to end
//	load -phase "rolling update"        begins a phase, and prints what there was in the one before
//	load -end                           ends it, and looks whether every answered write is there
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
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
	base := flag.String("url", "", "where the service is")
	user := flag.String("user", "demo:demo", "user:password")
	callers := flag.Int("callers", 12, "how many callers there are")
	pause := flag.Duration("pause", 10*time.Millisecond, "between two requests of a caller")
	phase := flag.String("phase", "", "begin a phase")
	end := flag.Bool("end", false, "end the load")
	flag.Parse()
	switch {
	case *phase != "":
		tell("/phase?name=" + url.QueryEscape(*phase))
	case *end:
		tell("/end")
	case *base != "":
		serve(newLoad(*base, *user, *callers, *pause))
	default:
		flag.Usage()
		os.Exit(2)
	}
}

// tell asks the process that makes the load, and prints what it answers.
func tell(path string) {
	answer, err := http.Post("http://"+control+path, "", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(os.Stdout, answer.Body)
	if answer.StatusCode != http.StatusOK {
		os.Exit(1)
	}
}

// serve makes the load and does what it is told. It goes on after the end, so that it can be asked once more.
func serve(l *load) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l.start(ctx)
	http.HandleFunc("POST /phase", func(w http.ResponseWriter, r *http.Request) {
		print(w, l.phase(r.FormValue("name")))
	})
	http.HandleFunc("POST /end", func(w http.ResponseWriter, r *http.Request) {
		cancel()
		l.callers.Wait()
		last := l.phase("ended")
		lost := l.lost(r.Context())
		if len(lost) > 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		print(w, last)
		for _, each := range lost {
			fmt.Fprintln(w, each)
		}
		fmt.Fprintf(w, "%d clients were looked for, %d are not what was answered; %d reads were stale\n", l.clients(), len(lost), l.stale.Load())
	})
	log.Fatal(http.ListenAndServe(control, nil))
}

func print(w io.Writer, t tally) { _ = json.NewEncoder(w).Encode(t) }
