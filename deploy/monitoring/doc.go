// Package monitoring holds what watches the service: alerts for Prometheus, a dashboard for Grafana, and a runbook. Its
// tests hold them against each other and against what a running service shows.
package monitoring
