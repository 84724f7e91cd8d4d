/** Values of what is around the operator: who may reach it, and who looks at it. */
import { z } from 'zod';
import { flag, interval, listOfKubernetes, nameOrNone, section, texts, value } from './value.ts';

export const networkPolicy = section('NetworkPolicy of the operator.', {
  enabled: value(flag, true, 'Admits nothing but requests to the port of metrics and probes.'),
  metricsFrom: value(
    listOfKubernetes,
    [],
    'NetworkPolicyPeers that may ask for metrics; all when empty. Probes come from the node, which is always let in.',
  ),
  egress: value(
    listOfKubernetes,
    [],
    'NetworkPolicyEgressRules: what it may reach. All when empty; otherwise name the API server, DNS, ' +
      'port 19001 of Envoys and where traces go.',
  ),
});

const monitor = {
  enabled: value(flag, false, "Whether there is one; it needs the Prometheus operator's CRDs."),
  labels: value(texts, {}, 'Labels, such as those by which a Prometheus finds it.'),
  annotations: value(texts, {}, 'Annotations.'),
};

const scraping = {
  ...monitor,
  interval: value(interval, '', "How often; Prometheus' own when empty."),
  scrapeTimeout: value(interval, '', "How long an answer may take; Prometheus' own when empty."),
  relabelings: value(listOfKubernetes, [], 'What becomes of targets.'),
  metricRelabelings: value(listOfKubernetes, [], 'What becomes of samples.'),
};

export const metrics = section('Prometheus metrics. The operator has them at /metrics.', {
  service: section('Service of the metrics.', {
    labels: value(texts, {}, 'More labels.'),
    annotations: value(texts, {}, 'Annotations, such as `prometheus.io/scrape: "true"`.'),
  }),
  serviceMonitor: section('ServiceMonitor of the operator.', scraping),
  podMonitor: section("PodMonitor of this class' Envoys, in the namespaces that are watched.", scraping),
  prometheusRule: section('PrometheusRule with the alerts of rules.yaml.', monitor),
});

export const tracing = section('Traces of the operator, by OpenTelemetry.', {
  endpoint: value(
    z.string().regex(/^(https?:\/\/.+)?$/),
    '',
    'Where they are sent to by OTLP over HTTP, such as http://collector.monitoring:4318; nowhere when empty.',
  ),
});

export const dashboards = section('Grafana dashboards, a ConfigMap each.', {
  enabled: value(flag, false, 'Whether there are any.'),
  labels: value(texts, { grafana_dashboard: '1' }, "Labels by which Grafana's sidecar finds them."),
  annotations: value(texts, {}, 'Annotations, such as `grafana_folder: Evengate`.'),
  namespace: value(nameOrNone, '', "Namespace; the release's when empty."),
});
