/** The access log: a JSON object a request on standard output, with who decided, and without what is secret. */
import { type Json, types } from '../../envoy/json.ts';
import type { AccessLog } from '../../ir/telemetry.ts';
import { keyOf, type ObjectRef } from '../../kube/object.ts';
import { literal } from '../header-edits.ts';
import { admitted, deciding, formatters, nonEmpty, ordinary, others, places, unfiltered } from './decision.ts';
import { asked, askedPath, formatOf } from './request.ts';

/** A line's fields, in the order of their names: Envoy sorts them. What a request has not is left out. */
const usual = {
  ...asked,
  ...places,
  start_time: '%START_TIME%',
  method: '%REQ(:method)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  response_flags: '%RESPONSE_FLAGS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  duration: '%DURATION%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  tls_version: '%DOWNSTREAM_TLS_VERSION%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  x_forwarded_for: '%REQ(x-forwarded-for):512%',
  user_agent: '%REQ(user-agent):512%',
  request_id: '%REQ(x-request-id):128%',
  trace_id: '%TRACE_ID%',
} as const;

/** Names that a user's own field must not have. */
export const fieldNames: ReadonlySet<string> = new Set([
  ...Object.keys(usual),
  ...Object.keys(deciding),
  'gateway',
  'query',
]);

/** envoy.config.accesslog.v3.AccessLog: a logger of the ordinary lines, and one of the others, which take twice as long. */
export function accessLoggers(gateway: ObjectRef, { query, fields, filter }: AccessLog): readonly Json[] {
  const format = {
    ...usual,
    gateway: literal(keyOf(gateway.namespace, gateway.name)),
    ...(query ? { query: nonEmpty('request.query') } : {}),
    ...Object.fromEntries(fields.map((field) => [field.name, formatOf(field)])),
  };
  const wanted = filtersOf(filter);
  return [
    logger([...ordinary, ...wanted], { json_format: { ...format, ...admitted }, ...(query ? { formatters } : {}) }),
    logger([...others, ...wanted], { json_format: { ...format, ...deciding }, formatters }),
  ];
}

function logger(filters: readonly Json[], format: { readonly [field: string]: Json }): Json {
  const [only] = filters;
  return {
    name: 'envoy.access_loggers.stdout',
    filter: filters.length === 1 ? only : { and_filter: { filters } },
    typed_config: { '@type': types.stdoutLog, log_format: { ...format, omit_empty_values: true } },
  };
}

function filtersOf({ minStatus, samplePercent, excludePaths }: AccessLog['filter']): readonly Json[] {
  const severe = minStatus === undefined ? [] : [atLeast(minStatus)];
  const sampled = samplePercent === undefined ? [] : [share(samplePercent)];
  const some = [...severe, ...sampled];
  return [
    ...(some.length === 2 ? [{ or_filter: { filters: some } }] : some),
    ...(excludePaths.length === 0 ? [] : [except(excludePaths)]),
  ];
}

/** Envoy names the number in its runtime, which we never change. */
function atLeast(status: number): Json {
  const value = { default_value: status, runtime_key: 'evengate.access_log.min_status' };
  return { status_code_filter: { comparison: { op: 'GE', value } } };
}

function share(numerator: number): Json {
  return {
    runtime_filter: {
      runtime_key: 'evengate.access_log.sample_percent',
      percent_sampled: { numerator },
      use_independent_randomness: true,
    },
  };
}

function except(paths: readonly string[]): Json {
  const list = paths.map((path) => `b'${path.replaceAll("'", "\\'")}'`).join(', ');
  return {
    extension_filter: {
      name: 'envoy.access_loggers.extension_filters.cel',
      typed_config: { '@type': types.celFilter, expression: `${unfiltered} || !(${askedPath} in [${list}])` },
    },
  };
}
