{{/* What a schema cannot tell well: values that are missing, or contradict each other. */}}
{{- define "evengate.validate" -}}
{{- range $path := .Files.Get "files/values.yaml" | fromYamlArray }}
{{- $at := $.Values }}
{{- range splitList "." $path }}
{{- if not (and (kindIs "map" $at) (hasKey $at .)) }}
{{- fail (printf "%s: it has no value; set one instead of null, or, after helm upgrade --reuse-values, say --reset-then-reuse-values: the older chart had no such value" $path) }}
{{- end }}
{{- $at = get $at . }}
{{- end }}
{{- end }}
{{- $watched := .Values.watchNamespaces }}
{{- with .Values.mesh }}
{{- if and .istioRevisions (empty .istioNamespace) }}
{{- fail "mesh.istioRevisions: it means nothing while mesh.istioNamespace is empty; name the namespace of Istio, or remove it" }}
{{- end }}
{{- end }}
{{- with .Values.secrets }}
{{- if and $watched (eq .access "cluster") }}
{{- fail "secrets.access: cluster asks for rights in all namespaces, while watchNamespaces names some; say namespaced, or watch all" }}
{{- end }}
{{- if and .namespaces (ne .access "namespaced") }}
{{- fail (printf "secrets.namespaces: it means nothing while secrets.access is %s; set secrets.access=namespaced, or remove it" .access) }}
{{- end }}
{{- if and (eq .access "namespaced") (empty .namespaces) (empty $watched) }}
{{- fail "secrets.namespaces: secrets.access is namespaced, and no namespace is named; name those whose Secrets may be read, or set watchNamespaces" }}
{{- end }}
{{- range .namespaces }}
{{- if and $watched (not (has . $watched)) }}
{{- fail (printf "secrets.namespaces: %s is not among watchNamespaces, where all is that uses Secrets; add it there, or remove it here" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
