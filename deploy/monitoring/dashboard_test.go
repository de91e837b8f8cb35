package monitoring_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dashboard is the part of Grafana's format that is used here. Any other member is an error.
type dashboard struct {
	Title, UID, Timezone, Refresh string
	Tags                          []string
	SchemaVersion, Version        int
	Editable                      bool
	Time                          struct{ From, To string }
	Templating                    struct{ List []variable }
	Annotations                   struct{ List []struct{} }
	Panels                        []panel
	// ID and Inputs are added by an export, and have to be removed: with them an import would replace another dashboard
	// or require input.
	ID     *int
	Inputs []struct{} `json:"__inputs"`
}

type datasource struct{ Type, UID string }

type variable struct {
	Name, Type, Label string
	Datasource        *datasource
	Query             any
	Refresh           int
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               datasource
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct {
		Defaults struct {
			Unit string
			Min  *float64
		}
		Overrides []struct{}
	}
	Options map[string]any
	Targets []struct{ RefID, Expr, LegendFormat string }
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	file, err := os.Open("dashboard.json")
	require.NoError(t, err)
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&d))
	return d
}

func TestDashboardCanBeImported(t *testing.T) {
	d := readDashboard(t)
	require.NotEmpty(t, d.Title)
	require.Regexp(t, `^[a-zA-Z0-9_-]{1,40}$`, d.UID)
	require.GreaterOrEqual(t, d.SchemaVersion, 36, "older versions name a data source by a string")
	require.Nil(t, d.ID)
	require.Empty(t, d.Inputs)
	source := datasource{"prometheus", "${datasource}"}
	require.Equal(t, variable{Name: "datasource", Type: "datasource", Label: "Data source", Query: "prometheus"}, d.Templating.List[0], "the data source comes before the variables that use it")
	for _, v := range d.Templating.List[1:] {
		require.Equal(t, &source, v.Datasource, v.Name)
	}
	ids, titles := make(map[int]bool), make(map[string]bool)
	taken := make(map[[2]int]string)
	for _, p := range d.Panels {
		require.Positive(t, p.ID, p.Title)
		require.False(t, ids[p.ID], "two panels of id %d", p.ID)
		require.False(t, titles[p.Title], "two panels %s", p.Title)
		ids[p.ID], titles[p.Title] = true, true
		require.Contains(t, []string{"stat", "timeseries"}, p.Type, p.Title)
		require.NotEmpty(t, p.Description, p.Title)
		require.Equal(t, source, p.Datasource, p.Title)
		require.Contains(t, units, p.FieldConfig.Defaults.Unit, p.Title)
		requireUnitFits(t, p)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				require.Empty(t, taken[[2]int{x, y}], "%s overlaps another panel", p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
		refs := make(map[string]bool)
		for _, target := range p.Targets {
			require.False(t, refs[target.RefID], "%s: two queries %s", p.Title, target.RefID)
			refs[target.RefID] = true
			require.Contains(t, target.Expr, `namespace="$namespace"`, p.Title)
		}
	}
}

// units are the units of Grafana that are used.
var units = []string{"none", "s", "bytes", "ops", "reqps", "percentunit", "bool_yes_no"}

// requireUnitFits compares the unit with the names of the metrics.
func requireUnitFits(t *testing.T, p panel) {
	t.Helper()
	for _, target := range p.Targets {
		switch unit := p.FieldConfig.Defaults.Unit; {
		case strings.Contains(target.Expr, "_seconds_bucket"):
			require.Equal(t, "s", unit, p.Title)
		case strings.Contains(target.Expr, "_bytes") && !strings.Contains(target.Expr, "/"):
			require.Equal(t, "bytes", unit, p.Title)
		}
	}
}
