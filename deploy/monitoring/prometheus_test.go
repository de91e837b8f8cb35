package monitoring_test

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/stretchr/testify/require"
)

// step is the interval of scrapes and of evaluations of the rules.
const step = 30 * time.Second

// scrapes are series with their samples from the first scrape on, in the notation of Prometheus' rule tests: "1x3" is
// four times 1, "0+2x3" is 0 2 4 6, "_" is no sample and "stale" the end of a series.
type scrapes []storage.Series

func parseScrapes(t *testing.T, text string) (all scrapes, last time.Time) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(text)) {
		name, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(strings.TrimSpace(line))
		require.NoError(t, err, line)
		var samples []chunks.Sample
		for i, v := range values {
			at := time.Unix(0, 0).Add(time.Duration(i) * step)
			if !v.Omitted {
				samples = append(samples, sample{at.UnixMilli(), v.Value})
			}
			if at.After(last) {
				last = at
			}
		}
		all = append(all, storage.NewListSeries(name, samples))
	}
	return all, last
}

// Querier returns a querier of all series, whatever the time range.
func (s scrapes) Querier(_, _ int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		found := &seriesSet{}
		for _, series := range s {
			if matchesAll(matchers, series.Labels()) {
				found.series = append(found.series, series)
			}
		}
		return found
	}}, nil
}

func matchesAll(matchers []*labels.Matcher, series labels.Labels) bool {
	for _, m := range matchers {
		if !m.Matches(series.Get(m.Name)) {
			return false
		}
	}
	return true
}

type seriesSet struct {
	series []storage.Series
	next   int
}

func (s *seriesSet) Next() bool                        { s.next++; return s.next <= len(s.series) }
func (s *seriesSet) At() storage.Series                { return s.series[s.next-1] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// fires returns when an alert fires first, and for which labels. As Prometheus does, it evaluates the rule after each scrape,
// and an alert fires when a result was present without a gap for the duration of the rule.
func fires(t *testing.T, rule rulefmt.Rule, text string) (when time.Duration, what string) {
	t.Helper()
	series, last := parseScrapes(t, text)
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: math.MaxInt32, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	t.Cleanup(func() { _ = engine.Close() })
	since := make(map[string]time.Time)
	for now := time.Unix(0, 0); !now.After(last); now = now.Add(step) {
		query, err := engine.NewInstantQuery(context.Background(), series, nil, rule.Expr, now)
		require.NoError(t, err)
		result := query.Exec(t.Context())
		require.NoError(t, result.Err)
		vector, err := result.Vector()
		require.NoError(t, err)
		active := make(map[string]time.Time)
		var due []string
		for _, s := range vector {
			require.False(t, value.IsStaleNaN(s.F))
			name := s.Metric.String()
			begun, pending := since[name]
			if !pending {
				begun = now
			}
			if now.Sub(begun) >= time.Duration(rule.For) {
				due = append(due, name)
			}
			active[name] = begun
		}
		if len(due) > 0 {
			return now.Sub(time.Unix(0, 0)), strings.Join(due, " and ")
		}
		since = active
	}
	return 0, ""
}
