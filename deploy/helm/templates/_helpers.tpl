{{- define "clients.labels" -}}
app.kubernetes.io/name: clients
app.kubernetes.io/part-of: clients
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "clients.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* The variables of Go's runtime, as a map, by the resources of a container: nine tenths of the memory. */}}
{{- define "clients.goLimits" -}}
{{- $mebibytes := .limits.memory | trimSuffix "Mi" | int }}
{{- if hasSuffix "Gi" .limits.memory }}
{{- $mebibytes = .limits.memory | trimSuffix "Gi" | int | mul 1024 }}
{{- end -}}
GOMEMLIMIT: {{ div (mul $mebibytes 9) 10 }}MiB
GOMAXPROCS: {{ .limits.cpu | quote }}
{{- end }}

{{- define "clients.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "clients.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
