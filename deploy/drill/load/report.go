package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// shown is how many faults of what is stored are printed: those that follow are mostly more of the same.
const shown = 50

// report prints what there was in each phase, and everything that should not have been; it answers whether there was
// nothing of that.
func (l *load) report(w io.Writer) (good bool) {
	phases := l.counter.phases()
	table(w, phases)
	good = true
	for _, t := range phases {
		for _, why := range slices.Sorted(maps.Keys(t.why)) {
			fmt.Fprintf(w, "%s: %d times %s\n", t.phase, t.why[why], why)
		}
		if t.strict && t.failures > 0 {
			good = false
			fmt.Fprintf(w, "FAULT: %s failed %d requests, and may fail none\n", t.phase, t.failures)
		}
		if t.stale > 0 {
			good = false
			fmt.Fprintf(w, "FAULT: %s had %d stale reads\n", t.phase, t.stale)
		}
	}
	clients := 0
	for _, c := range l.callers {
		clients += len(c.clients) + len(c.ended)
	}
	for _, fault := range l.faults[:min(len(l.faults), shown)] {
		fmt.Fprintln(w, "FAULT:", fault)
	}
	fmt.Fprintf(w, "%d clients were looked for, and %d faults found of what is stored\n", clients, len(l.faults))
	return good && len(l.faults) == 0
}

func table(w io.Writer, phases []tally) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\tseconds\trequests\tfailures\twarnings\tstale\treconnects\tlongest gap\tof writes\tslowest\t")
	for _, p := range phases {
		fmt.Fprintf(t, "%s\t%.0f\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", p.phase, p.took.Seconds(), p.requests, p.failures, p.warnings, p.stale,
			p.reconnects, short(p.gap), short(p.writeGap), short(p.slowest))
	}
	_ = t.Flush()
}

func short(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
