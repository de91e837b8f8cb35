// Package monitoring contains alerts for Prometheus, a dashboard for Grafana, and a runbook. Its tests compare them with each
// other and with the metrics of a running service, and evaluate the alerts on recorded series.
package monitoring
