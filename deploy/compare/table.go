package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// table collects the measurements of all rounds.
type table struct {
	sides []side
	loads []string                            // in the order of their first measurement
	cells map[string]map[string][]measurement // by load and side, one for each round
}

func newTable(sides []side) *table {
	return &table{sides: sides, cells: make(map[string]map[string][]measurement)}
}

func (t *table) add(side string, l load, m measurement) {
	name := l.String()
	if t.cells[name] == nil {
		t.loads, t.cells[name] = append(t.loads, name), make(map[string][]measurement)
	}
	t.cells[name][side] = append(t.cells[name][side], m)
}

// print writes the medians of the rounds. A ratio is the median of those of the rounds; above 1 the service is better.
func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "%d processors, %s\n\n", runtime.NumCPU(), runtime.Version())
	tab := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	defer tab.Flush()
	fmt.Fprint(tab, "| load\t| side\t| requests/s\t| p50 ms\t| p99 ms\t| CPU µs/request\t| errors\t| rate: service's / its\t| CPU: its / service's\t|\n")
	fmt.Fprint(tab, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|\n")
	for _, name := range t.loads {
		base := t.cells[name][t.sides[0].name]
		for _, s := range t.sides {
			rounds := t.cells[name][s.name]
			errors := 0
			for _, m := range rounds {
				errors += m.errors
			}
			fmt.Fprintf(tab, "| %s\t| %s\t| %.0f\t| %.2f\t| %.2f\t| %.0f\t| %d\t", name, s.name, median(rounds, measurement.rate),
				median(rounds, quantile(.5)), median(rounds, quantile(.99)), median(rounds, measurement.perRequest), errors)
			if s.name == t.sides[0].name {
				fmt.Fprint(tab, "| \t| \t|\n")
				continue
			}
			fmt.Fprintf(tab, "| %.2f\t| %.2f\t|\n", ratio(base, rounds, measurement.rate), ratio(rounds, base, measurement.perRequest))
		}
	}
}

func (m measurement) rate() float64 { return float64(len(m.latencies)) / m.elapsed.Seconds() }

// perRequest returns the processor time of a request in microseconds.
func (m measurement) perRequest() float64 {
	return float64(m.processor.Microseconds()) / float64(len(m.latencies)+m.errors)
}

// quantile returns a latency in milliseconds.
func quantile(q float64) func(measurement) float64 {
	return func(m measurement) float64 {
		return float64(m.latencies[int(q*float64(len(m.latencies)-1))]) / float64(time.Millisecond)
	}
}

func median(rounds []measurement, of func(measurement) float64) float64 {
	var values []float64
	for _, m := range rounds {
		values = append(values, of(m))
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// ratio is the median of the quotients of the same rounds.
func ratio(a, b []measurement, of func(measurement) float64) float64 {
	round := 0
	return median(a, func(m measurement) float64 {
		round++
		return of(m) / of(b[round-1])
	})
}
