package workload

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// shown is the number of faults that are printed. Further ones are mostly of the same kind.
const shown = 50

// Print prints the phases that have ended and the faults that Check found. It reports whether there were no faults.
func (l *Load) Print(w io.Writer) (good bool) {
	table(w, l.Phases)
	good = len(l.faults) == 0
	for _, t := range l.Phases {
		for _, reason := range slices.Sorted(maps.Keys(t.Failures)) {
			fmt.Fprintf(w, "%s: %d times %s\n", t.Phase, t.Failures[reason], reason)
		}
		if t.Strict && t.failed() > 0 {
			good = false
			fmt.Fprintf(w, "FAULT: %s failed %d requests, and may fail none\n", t.Phase, t.failed())
		}
	}
	for _, fault := range l.faults[:min(len(l.faults), shown)] {
		fmt.Fprintln(w, "FAULT:", fault)
	}
	fmt.Fprintf(w, "%d operations, %d faults\n", len(l.history), len(l.faults))
	return good
}

func table(w io.Writer, phases []Tally) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\tseconds\trequests\tfailures\twarnings\tlongest gap of writes\t")
	for _, p := range phases {
		fmt.Fprintf(t, "%s\t%.0f\t%d\t%d\t%d\t%.2f s\t\n", p.Phase, p.Took.Seconds(), p.Requests, p.failed(), p.Warnings, p.Gap.Seconds())
	}
	_ = t.Flush()
}
