// Package kubernetes contains the Kubernetes manifests: base is the service, components are NATS and its TLS, and overlays
// are what an operator applies. Its tests render each overlay as kubectl apply -k does, decode every object strictly into the
// types of the Kubernetes API, so that a misspelt field fails, and run the service with NATS as it is configured here. With the
// build tag helm they also compare the overlays with the chart in deploy/helm.
package kubernetes
