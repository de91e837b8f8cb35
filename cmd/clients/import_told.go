package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"clients/cmd/clients/internal/terminal"
	"clients/domain"
)

// settle takes down that a client of the list is there, or why it is not. That is told in the order of the list.
func (i *importer) settle(item listedClient, refusal string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	told := ""
	if refusal != "" {
		i.refused++
		told = fmt.Sprintf("line %d: %s\n", item.line, terminal.Printable(refusal))
	}
	i.told[item.position] = told
	for {
		told, next := i.told[i.settled+1]
		if !next {
			return nil
		}
		i.settled++
		delete(i.told, i.settled)
		if err := i.print(told); err != nil {
			return err
		}
	}
}

// tellRest tells what is held back, where what comes before it has not been settled.
func (i *importer) tellRest() {
	for _, position := range slices.Sorted(maps.Keys(i.told)) {
		_ = i.print(i.told[position])
	}
}

func (i *importer) print(told string) error {
	if told == "" {
		return nil
	}
	i.bar.Clear()
	_, err := io.WriteString(i.out, told)
	return err
}

// tell says how it is going, beside what is found out.
func (i *importer) tell(text string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.bar.Clear()
	fmt.Fprintln(i.err, "clients:", text)
}

func (i *importer) summary() {
	i.bar.Clear()
	fmt.Fprintf(i.err, "%s made, %d there from before, %d refused.\n", domain.Counted(len(i.made), "client"), i.known, i.refused)
	if i.lost > 0 {
		fmt.Fprintf(i.err, "%d of those made had a default-invoice-timeframe or last-invoice-kind, which they have not any more: these follow the invoices.\n", i.lost)
	}
}
