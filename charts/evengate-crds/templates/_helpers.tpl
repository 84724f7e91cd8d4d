{{- define "evengate-crds.labels" -}}
{{- dict
  "app.kubernetes.io/name" "evengate-crds"
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name (replace "+" "_" .Chart.Version))
  | toYaml }}
{{- end }}
