package monitoring_test

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

func alerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	content, err := os.ReadFile("alerts.yaml")
	require.NoError(t, err)
	groups, faults := rulefmt.Parse(content, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, faults)
	require.Len(t, groups.Groups, 1)
	return groups.Groups[0].Rules
}

func TestEachAlertIsExplained(t *testing.T) {
	runbook, err := os.ReadFile("RUNBOOK.md")
	require.NoError(t, err)
	rules := alerts(t)
	require.Greater(t, len(rules), 5)
	for _, rule := range rules {
		require.Contains(t, []string{"page", "ticket"}, rule.Labels["severity"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		require.True(t, strings.HasSuffix(rule.Annotations["runbook_url"], "RUNBOOK.md#"+strings.ToLower(rule.Alert)), rule.Alert)
		summary, of, _ := strings.Cut(rule.Annotations["summary"], ": {{")
		require.NotContains(t, summary, "{", "%s: labels come last in the summary", rule.Alert)
		require.Equal(t, of != "", strings.Contains(rule.Annotations["summary"], "$labels"), rule.Alert)
		require.Contains(t, string(runbook), "\n## "+rule.Alert+"\n\n*"+rule.Labels["severity"]+".* "+summary+".\n\n**What users see.** ")
	}
	require.Equal(t, len(rules), strings.Count(string(runbook), "\n## "), "the runbook has one entry for each alert and no others")
}

// A response with status 503 has one of these texts, or says which stream of another service cannot be read.
func TestEachTextOfStatus503IsExplained(t *testing.T) {
	runbook, err := os.ReadFile("RUNBOOK.md")
	require.NoError(t, err)
	table, _, _ := strings.Cut(string(runbook), "\n## ")
	text := regexp.MustCompile(`Errorf\(Conflict, "[^".]+|Unavailable,\s+(?:Message: )?"[^".:]+`)
	found := 0
	for _, folder := range []string{"domain", "domain/command", "eventstore", "transport"} {
		files, err := filepath.Glob("../../" + folder + "/*.go")
		require.NoError(t, err)
		for _, file := range slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") }) {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, match := range text.FindAllString(string(source), -1) {
				_, message, _ := strings.Cut(match, `"`)
				require.Contains(t, table, "\n| "+message+" | ", file)
				found++
			}
		}
	}
	require.GreaterOrEqual(t, found, 7)
}

// expressions returns all PromQL expressions of the alerts and the dashboard, by where they are used.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, rule := range alerts(t) {
		all[rule.Alert] = rule.Expr
	}
	content, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ RefID, Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(content, &dashboard))
	require.Greater(t, len(dashboard.Panels), 10)
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			all["panel "+panel.Title+" "+target.RefID] = strings.NewReplacer("$__rate_interval", "1m", "$namespace", "n").Replace(target.Expr)
		}
	}
	return all
}

// scraped are the labels that Prometheus adds to scraped series.
var scraped = []string{"namespace", "pod", "job", "instance"}

// ofOthers are metrics of Prometheus itself, for each target, of kube-state-metrics, and of the NATS exporter.
var ofOthers = []string{
	"up", "kube_cronjob_status_last_successful_time", "kube_cronjob_created", "kube_deployment_status_replicas_unavailable",
	"jetstream_server_total_message_bytes", "jetstream_server_max_storage", "jetstream_stream_last_seq",
}

func TestMetricsOfExpressionsExist(t *testing.T) {
	shown := metrics(t)
	for where, expression := range expressions(t) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
		require.NoError(t, err, where)
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			selector, isSelector := node.(*parser.VectorSelector)
			if !isSelector {
				return nil
			}
			if slices.Contains(ofOthers, selector.Name) {
				return nil
			}
			series := shown[selector.Name]
			require.NotEmpty(t, series, "%s: there is no %s", where, selector.Name)
			for _, matcher := range selector.LabelMatchers {
				if matcher.Name == model.MetricNameLabel || slices.Contains(scraped, matcher.Name) {
					continue
				}
				require.True(t, slices.ContainsFunc(series, func(l map[string]string) bool { return matches(matcher, l) }),
					"%s: no series of %s matches %s", where, selector.Name, matcher)
			}
			return nil
		})
	}
}

func TestMetricsOfTheRunbookExist(t *testing.T) {
	runbook, err := os.ReadFile("RUNBOOK.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`(clients_[a-z_]+)").FindAllStringSubmatch(string(runbook), -1)
	require.NotEmpty(t, named)
	shown := metrics(t)
	for _, name := range named {
		require.NotEmpty(t, shown[name[1]], "there is no %s", name[1])
	}
}

// The dashboard shows every metric that an alert or the runbook uses; for a histogram, any of its series.
func TestDashboardShowsMetricsOfAlertsAndRunbook(t *testing.T) {
	runbook, err := os.ReadFile("RUNBOOK.md")
	require.NoError(t, err)
	base := func(name string) string {
		return strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
	}
	name := regexp.MustCompile(`\bclients_[a-z_]+`)
	shown := make(map[string]bool)
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			for _, metric := range name.FindAllString(target.Expr, -1) {
				shown[base(metric)] = true
			}
		}
	}
	text := string(runbook)
	for _, rule := range alerts(t) {
		text += " " + rule.Expr
	}
	for _, metric := range name.FindAllString(text, -1) {
		require.True(t, shown[base(metric)], "no panel shows %s", metric)
	}
}

// The panel Errors and the alert ClientsErrors have the same expression.
func TestDashboardShowsTheErrorsOfTheAlert(t *testing.T) {
	of := strings.NewReplacer("sum by (namespace) (", "sum(", `namespace="$namespace",`, "", "\n", " ")
	for _, p := range readDashboard(t).Panels {
		if p.Title != "Errors" {
			continue
		}
		for _, rule := range alerts(t) {
			if rule.Alert == "ClientsErrors" {
				require.True(t, strings.HasPrefix(of.Replace(rule.Expr), of.Replace(p.Targets[0].Expr)+" > "), "%s is not the start of %s", p.Targets[0].Expr, rule.Expr)
				return
			}
		}
	}
	require.Fail(t, "the panel or the alert does not exist")
}

func matches(matcher *labels.Matcher, series map[string]string) bool {
	value, there := series[matcher.Name]
	return there && matcher.Matches(value)
}

// metrics returns the labels of every series, by the metric's name, of a service after one request that succeeded and one
// that failed.
func metrics(t *testing.T) map[string][]map[string]string {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "clients")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-o", program, "./cmd/clients")
	require.NoError(t, build.Run())
	users := filepath.Join(folder, "users")
	require.NoError(t, os.Mkdir(users, 0o700))
	demo, err := os.ReadFile("../kubernetes/overlays/demo/default.htpasswd")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(users, "default.htpasswd"), demo, 0o600))
	cmd := exec.CommandContext(t.Context(), program, "--http-addr=127.0.0.1:0", "--ops-addr=127.0.0.1:0", "--embedded-nats-addr=127.0.0.1:0",
		"--data-dir="+filepath.Join(folder, "data"), "--credentials-dir="+users, "--rate-limit=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	var api, operations string
	for lines := bufio.NewScanner(out); operations == "" && lines.Scan(); {
		if url := regexp.MustCompile(`API +(http://\S+)`).FindStringSubmatch(lines.Text()); url != nil {
			api = url[1]
		}
		if url := regexp.MustCompile(`operations +(http://[^/]+)`).FindStringSubmatch(lines.Text()); url != nil {
			operations = url[1]
		}
	}
	for range 2 { // the second exceeds the rate limit and gets 503
		request, err := http.NewRequestWithContext(t.Context(), "GET", api, nil)
		require.NoError(t, err)
		request.SetBasicAuth("demo", "demo")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		response.Body.Close()
	}
	var shown map[string][]map[string]string
	require.Eventually(t, func() bool {
		shown = scrape(t, operations+"/metrics")
		return len(shown["clients_stream_up"]) == 7
	}, 20*time.Second, 20*time.Millisecond)
	return shown
}

func scrape(t *testing.T, url string) map[string][]map[string]string {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), "GET", url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	decoder := expfmt.NewTextParser(model.UTF8Validation)
	families, err := decoder.TextToMetricFamilies(response.Body)
	require.NoError(t, err)
	shown := make(map[string][]map[string]string)
	for name, family := range families {
		for _, metric := range family.Metric {
			series := make(map[string]string)
			for _, label := range metric.Label {
				series[label.GetName()] = label.GetValue()
			}
			names := []string{name}
			if family.GetType().String() == "HISTOGRAM" {
				names = []string{name + "_bucket", name + "_count", name + "_sum"}
			}
			for _, each := range names {
				shown[each] = append(shown[each], series)
			}
		}
	}
	return shown
}
