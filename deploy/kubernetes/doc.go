// Package kubernetes holds what a cluster is given: base is the service, components are NATS and TLS for it, overlays are
// what is applied. Its tests render each overlay as kubectl apply -k does, hold every object against the types of the
// Kubernetes API, so that a misspelt field fails, and run the service against NATS as it is configured here.
package kubernetes
