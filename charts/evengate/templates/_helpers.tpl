{{/* Name of everything that the release has one of; short enough for what is appended. */}}
{{- define "evengate.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/*
Name of the rights to serve a class. It tells nothing of the release: where another one serves the class already, in the
cluster or in a namespace of watchNamespaces, Helm finds this name taken, and installs nothing.
*/}}
{{- define "evengate.className" -}}
evengate-class-{{ .Values.className }}
{{- end }}

{{/* Immutable in a Deployment: never more, never less, whatever the version. */}}
{{- define "evengate.selectorLabels" -}}
{{- dict "app.kubernetes.io/name" "evengate" "app.kubernetes.io/instance" .Release.Name | toYaml }}
{{- end }}

{{- define "evengate.labels" -}}
{{- $own := dict
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/component" "operator"
  "app.kubernetes.io/part-of" "evengate"
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name (replace "+" "_" .Chart.Version)) }}
{{- merge (include "evengate.selectorLabels" . | fromYaml) $own .Values.commonLabels | toYaml }}
{{- end }}

{{/* Metadata of an object: {root, name, namespace?, labels?, annotations?}; without a namespace where it is "". */}}
{{- define "evengate.metadata" -}}
{{- $labels := mergeOverwrite (include "evengate.labels" .root | fromYaml) (.labels | default dict) }}
{{- $metadata := dict "name" .name "labels" $labels }}
{{- with get . "namespace" | default (ternary "" .root.Release.Namespace (hasKey . "namespace")) }}
{{- $_ := set $metadata "namespace" . }}
{{- end }}
{{- with .annotations }}
{{- $_ := set $metadata "annotations" . }}
{{- end }}
{{- dict "metadata" $metadata | toYaml }}
{{- end }}

{{- define "evengate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "evengate.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "evengate.image" -}}
{{- with .Values.image }}
{{- .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}
{{- end }}

{{/* Namespaces in which Secrets may be read, as JSON; none where it is all or nothing. */}}
{{- define "evengate.secretNamespaces" -}}
{{- ternary (.Values.secrets.namespaces | default .Values.watchNamespaces) list (eq .Values.secrets.access "namespaced") | toJson }}
{{- end }}

{{/* Which class, where, with which Secrets, and whether it enrols, as arguments, as JSON. */}}
{{- define "evengate.scope" -}}
{{- $arguments := list (printf "--class=%s" .Values.className) }}
{{- range .Values.watchNamespaces }}
{{- $arguments = append $arguments (printf "--watch-namespace=%s" .) }}
{{- end }}
{{- if ne .Values.secrets.access "none" }}
{{- $arguments = append $arguments "--read-secrets" }}
{{- end }}
{{- range include "evengate.secretNamespaces" . | fromJsonArray }}
{{- $arguments = append $arguments (printf "--secret-namespace=%s" .) }}
{{- end }}
{{- if .Values.mesh.enrolment }}
{{- $arguments = append $arguments "--mesh-enrolment" }}
{{- end }}
{{- $arguments | toJson }}
{{- end }}

{{/* What follows `evengate`, as JSON. */}}
{{- define "evengate.arguments" -}}
{{- $fixed := (.Files.Get "files/operator.yaml" | fromYaml).container.args }}
{{- $arguments := concat $fixed (include "evengate.scope" . | fromJsonArray) }}
{{- with .Values.envoy.image }}
{{- $arguments = append $arguments (printf "--envoy-image=%s" .) }}
{{- end }}
{{- with .Values.istioAgent.image }}
{{- $arguments = append $arguments (printf "--istio-agent-image=%s" .) }}
{{- end }}
{{- if ne .Values.logLevel "info" }}
{{- $arguments = append $arguments (printf "--log-level=%s" .Values.logLevel) }}
{{- end }}
{{- if ne .Values.logFormat "json" }}
{{- $arguments = append $arguments (printf "--log=%s" .Values.logFormat) }}
{{- end }}
{{- $arguments | toJson }}
{{- end }}

{{/* The container of the operator. */}}
{{- define "evengate.container" -}}
{{- $own := dict "image" (include "evengate.image" .) "imagePullPolicy" .Values.image.pullPolicy }}
{{- $_ := set $own "args" (include "evengate.arguments" . | fromJsonArray) }}
{{- $fixed := (.Files.Get "files/operator.yaml" | fromYaml).container }}
{{- $env := $fixed.env }}
{{- with .Values.tracing.endpoint }}
{{- $env = append $env (dict "name" "OTEL_EXPORTER_OTLP_ENDPOINT" "value" .) }}
{{- end }}
{{- $_ := set $own "env" (concat $env .Values.extraEnv) }}
{{- range $name := list "resources" "securityContext" "volumeMounts" }}
{{- with get $.Values $name }}
{{- $_ := set $own $name . }}
{{- end }}
{{- end }}
{{- mergeOverwrite $fixed $own | toYaml }}
{{- end }}

{{/* Where to run, and as whom: fields of a Pod that are values as they are. */}}
{{- define "evengate.placement" -}}
{{- $pod := dict "securityContext" .Values.podSecurityContext }}
{{- range $name := list "imagePullSecrets" "priorityClassName" "nodeSelector" "tolerations" "affinity" "volumes" }}
{{- with get $.Values $name }}
{{- $_ := set $pod $name . }}
{{- end }}
{{- end }}
{{- $pod | toYaml }}
{{- end }}

{{/* A role and its binding to the operator: {root, kind: Role | ClusterRole, name, namespace, rules}. */}}
{{- define "evengate.grant" -}}
{{- $metadata := include "evengate.metadata" (dict "root" .root "name" .name "namespace" .namespace) }}
{{- $role := dict "apiGroup" "rbac.authorization.k8s.io" "kind" .kind "name" .name }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}
{{ $metadata }}
rules:
  {{- .rules | toYaml | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
{{ $metadata }}
roleRef:
  {{- $role | toYaml | nindent 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "evengate.serviceAccountName" .root | quote }}
    namespace: {{ .root.Release.Namespace | quote }}
{{- end }}

{{/* Where Prometheus asks, and how: {values, path}. */}}
{{- define "evengate.scrape" -}}
{{- $endpoint := dict "port" "metrics" "path" .path }}
{{- range $name := list "interval" "scrapeTimeout" "relabelings" "metricRelabelings" }}
{{- with get $.values $name }}
{{- $_ := set $endpoint $name . }}
{{- end }}
{{- end }}
{{- $endpoint | toYaml }}
{{- end }}
