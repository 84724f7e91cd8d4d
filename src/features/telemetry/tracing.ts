/** Spans by OTLP: a server span a request, and a client span an attempt at a backend. */
import { type Json, types } from '../../envoy/json.ts';
import type { Extra, Tracing } from '../../ir/telemetry.ts';
import { keyOf, type ObjectRef } from '../../kube/object.ts';
import { collectorName } from '../names.ts';
import { cel, nothing, places, spanDeciding } from './decision.ts';
import { asked, askedPath, formatOf } from './request.ts';

/** Envoy's own hold the query of the URL: what is set last stands. */
const withoutQuery = {
  'http.url': `%REQ(x-forwarded-proto)%://${asked.authority}${asked.path}`,
  // Only where it would be there: the expression fails, and the attribute is left out.
  'grpc.path': cel(`request.headers['content-type'].startsWith('application/grpc') ? ${askedPath} : ${nothing}`),
} as const;

const prefix = 'evengate.';

export function isOwnAttribute(name: string): boolean {
  return name.startsWith(prefix) || Object.hasOwn(withoutQuery, name);
}

/** HttpConnectionManager.Tracing */
export function tracingOf(gateway: ObjectRef, tracing: Tracing): Json {
  const own = {
    gateway: keyOf(gateway.namespace, gateway.name),
    ...places,
    ...spanDeciding,
  };
  const tags = [
    ...Object.entries(withoutQuery),
    ...Object.entries(own).map(([name, format]) => [`${prefix}${name}`, format] as const),
    ...tracing.attributes.map((extra: Extra) => [extra.name, formatOf(extra)] as const),
  ];
  return {
    // All of them: which ones is the tracer's business. What the connection manager leaves out, no caller can ask for.
    random_sampling: { value: 100 },
    // Of a request that no tag of ours was set for: nothing of its path.
    max_path_tag_length: 0,
    operation: `%REQ(:method)% ${places.route} ${places.rule}`,
    spawn_upstream_span: true,
    custom_tags: tags.map(([tag, value]) => ({ tag, value })),
    provider: { name: 'envoy.tracers.opentelemetry', typed_config: exporter(gateway, tracing) },
  };
}

const timeout = '10s';

function exporter(gateway: ObjectRef, { backend, protocol, samples }: Tracing): Json {
  const cluster = collectorName(backend);
  const { namespace, service, port } = backend;
  const authority = `${service}.${namespace}:${port}`;
  return {
    '@type': types.openTelemetry,
    ...(protocol === 'GRPC'
      ? { grpc_service: { envoy_grpc: { cluster_name: cluster, authority }, timeout } }
      : { http_service: { http_uri: { uri: `http://${authority}/v1/traces`, cluster, timeout } } }),
    service_name: keyOf(gateway.namespace, gateway.name),
    sampler: sampler(samples),
    resource_detectors: [
      {
        name: 'envoy.tracers.opentelemetry.resource_detectors.static_config',
        typed_config: { '@type': types.staticResource, attributes: resource(gateway) },
      },
    ],
  };
}

/** As the caller says in its traceparent; without one, by the trace's id, so that every hop decides alike. */
function sampler(samples: number): Json {
  const ratio = { numerator: samples, denominator: 'TEN_THOUSAND' };
  const own = {
    name: 'envoy.tracers.opentelemetry.samplers.trace_id_ratio_based',
    typed_config: { '@type': types.traceIdRatio, sampling_percentage: ratio },
  };
  return {
    name: 'envoy.tracers.opentelemetry.samplers.parent_based',
    typed_config: { '@type': types.parentBased, wrapped_sampler: own },
  };
}

/** Semantic conventions of OpenTelemetry; the Pod is each span's `node_id`. */
function resource({ namespace, name }: ObjectRef): { readonly [name: string]: string } {
  return { 'service.namespace': namespace, 'k8s.namespace.name': namespace, 'evengate.gateway.name': name };
}
