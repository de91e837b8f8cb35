package transport

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"clients/domain"
	"clients/projections/timeline"
	"clients/transport/wire"
)

// WriteHistory writes all versions of a client: as JSON with the bytes of a response to GET /clients/{id}/history, or as CSV. It
// stops at the first error of versions.
func WriteHistory(w io.Writer, versions iter.Seq2[timeline.Version, error], asJSON bool) error {
	if !asJSON {
		return writeCSV(w, versions)
	}
	b, separator := []byte("["), ""
	for v, err := range versions {
		if err != nil {
			return err
		}
		b = wire.JSON.AppendEvent(append(b, separator...), eventFields(v))
		if _, err := w.Write(b); err != nil {
			return err
		}
		b, separator = b[:0], ","
	}
	_, err := w.Write(append(b, "]"...))
	return err
}

// writeCSV writes a row for each attribute that a version changed. Null and an empty text are both empty.
func writeCSV(w io.Writer, versions iter.Seq2[timeline.Version, error]) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{
		"version", "sequence", "type", "time", "actor", "correlation_id", "causation_id", "attribute", "before", "after",
	}) // Error returns the first error
	for v, err := range versions {
		if err != nil {
			return err
		}
		event := []string{
			strconv.FormatUint(v.Version, 10), strconv.FormatUint(v.Sequence, 10), v.Type, v.At.UTC().Format(time.RFC3339),
			domain.Representable(v.Actor), domain.Representable(v.CorrelationID), domain.Representable(v.CausationID),
		}
		changed := changes(v.Before, v.After)
		if len(changed) == 0 {
			_ = out.Write(append(event, "", "", ""))
		}
		for _, c := range changed {
			values := c.Value.([]wire.Field)
			_ = out.Write(append(event, c.Name, cell(values[0].Value), cell(values[1].Value)))
		}
		if err := out.Error(); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func cell(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
