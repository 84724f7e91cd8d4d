/** Metrics of our own. Of gateways, which are few, each has its series; of all else there are counts. */
import type { Declaration } from '../../runtime/metric-list.ts';

/** Not `namespace`: that is what Prometheus calls the namespace of the Pod it asks. */
const gateway = { gateway_namespace: 'namespace of the ApiGateway', gateway: 'its name' };
const kind = '`ApiGateway`, `AuthPolicy`, `RateLimitPolicy` or `Route`';
const cache = { cache: 'plural of the resource type; `own …` where only our own objects are watched' };

export const operatorMetricList = {
  build: {
    name: 'evengate_build_info',
    type: 'gauge',
    help: '1, with what runs.',
    labels: { version: 'of Evengate', node: 'version of Node.js', class: 'className that it serves' },
  },
  objects: {
    name: 'evengate_objects',
    type: 'gauge',
    help: 'Objects by how they are doing; from the replica that leads.',
    labels: {
      kind,
      state:
        '`ready`; `invalid`: not accepted; `blocked`: a policy or reference fails, so that requests are answered 500 or ' +
        '403; `degraded`: not ready otherwise; `pending`: nobody has answered yet',
    },
  },
  findings: {
    name: 'evengate_findings',
    type: 'gauge',
    help: 'What is wrong with objects, by reason; from the replica that leads.',
    labels: { reason: 'as in [findings](findings.md)', severity: '`error` or `warning`' },
  },
  enforcement: {
    name: 'evengate_policy_enforcement',
    type: 'gauge',
    help: 'Policies by layer and by whether it enforces them; from the replica that leads.',
    labels: {
      kind: '`AuthPolicy` or `RateLimitPolicy`',
      layer: '`edge` or `mesh`',
      state: '`enforced`, `shadow`, `pending` or `failed`',
    },
  },
  meshWorkloads: {
    name: 'evengate_mesh_workloads',
    type: 'gauge',
    help: 'Workloads behind gateways in a mesh, by what became of their objects; from the replica that leads.',
    labels: {
      state:
        '`applied`; `waiting`: for Envoys or for Istio; `taken`: somebody else has an object of that name, or changes it; ' +
        '`refused`: the API server refuses one; `missing`: Istio is not installed; `kept`: nothing names it any more, and ' +
        'it stays closed',
    },
  },
  meshWrites: {
    name: 'evengate_mesh_writes_total',
    type: 'counter',
    help: 'Objects written for Istio.',
    labels: {
      write: '`apply` or `delete`',
      kind: '`AuthorizationPolicy`, `RequestAuthentication` or `PeerAuthentication`',
    },
  },
  keyFetches: {
    name: 'evengate_jwks_fetches_total',
    type: 'counter',
    help: 'Key sets that the operator fetched, for gateways in a mesh.',
    labels: { result: '`fetched` or `failed`' },
  },
  programmed: {
    name: 'evengate_gateway_programmed',
    type: 'gauge',
    help: '1 while every Ready Envoy serves what the objects say, else 0.',
    labels: gateway,
  },
  rejected: {
    name: 'evengate_gateway_rejected',
    type: 'gauge',
    help: '1 while what the objects say was refused, and the last good configuration is served instead, else 0.',
    labels: gateway,
  },
  rejections: {
    name: 'evengate_gateway_rejections_total',
    type: 'counter',
    help: 'Publications that an Envoy refused, or that did not fit into their ConfigMaps.',
    labels: gateway,
  },
  served: {
    name: 'evengate_gateway_served_timestamp_seconds',
    type: 'gauge',
    help:
      'Unix time at which all Ready Envoys had acknowledged the last publication: its age; of the last good one while ' +
      'another is rejected. None before the first since this process leads.',
    labels: gateway,
  },
  pods: {
    name: 'evengate_gateway_pods',
    type: 'gauge',
    help: 'Pods of Envoy.',
    labels: { ...gateway, state: '`wanted`, `ready`, or `acknowledged`: serves what is in place' },
  },
  configBytes: {
    name: 'evengate_gateway_config_bytes',
    type: 'gauge',
    help: 'Bytes of what Envoys are told.',
    labels: { ...gateway, part: '`route_tables`, `largest_file` or `all`' },
  },
  configUsage: {
    name: 'evengate_gateway_config_usage_ratio',
    type: 'gauge',
    help: 'How much of the room in ConfigMaps is taken, 0 to 1: by the largest file or by all, whichever is more.',
    labels: gateway,
  },
  certificate: {
    name: 'evengate_certificate_not_after_seconds',
    type: 'gauge',
    help:
      'Unix time at which a certificate ends. Only of certificates from other namespaces, which the operator reads; of ' +
      'the others Envoy tells (`envoy_listener_ssl_certificate_expiration_unix_time_seconds`).',
    labels: { ...gateway, secret: '`<namespace>/<name>`' },
  },
  cacheObjects: { name: 'evengate_cache_objects', type: 'gauge', help: 'Objects in the caches.', labels: cache },
  cacheBehind: {
    name: 'evengate_cache_behind_seconds',
    type: 'gauge',
    help: 'Seconds for which a resource type could not be listed or watched; 0 while it is.',
    labels: cache,
  },
  cacheChanged: {
    name: 'evengate_cache_last_event_timestamp_seconds',
    type: 'gauge',
    help: 'Unix time at which the API server told of a change last.',
    labels: cache,
  },
  preflight: {
    name: 'evengate_preflight_problems',
    type: 'gauge',
    help: 'What keeps the operator from working, as its log and /readyz say; 0 when nothing does.',
    labels: { check: '`api-server`, `crds`, `rights` or `class`' },
  },
  resolution: {
    name: 'evengate_resolution_seconds',
    type: 'histogram',
    help: 'Seconds that it took to find out what all objects mean.',
    labels: {},
  },
  publication: {
    name: 'evengate_publication_seconds',
    type: 'histogram',
    help: 'Seconds until the Envoys of a gateway had answered.',
    labels: { result: '`served`, `pending`, `refused` or `too-large`' },
  },
} as const satisfies Readonly<Record<string, Declaration>>;
