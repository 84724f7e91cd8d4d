/** Checks `telemetry`. What cannot be told is left out, and no request is refused for it. */
import type { Backend } from '../../ir/gateway.ts';
import type { Lookup } from '../../ir/lookup.ts';
import type { AccessLog, Extra, Telemetry, Tracing } from '../../ir/telemetry.ts';
import { describeRef, type ObjectRef } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { fieldNames } from './access-log.ts';
import { unspeakable } from './credentials.ts';
import type { AccessLogSpec, TelemetrySpec, TracingSpec } from './schema.ts';
import { isOwnAttribute } from './tracing.ts';

const at = 'spec.telemetry';

interface Resolved<T> {
  readonly value: T;
  readonly findings: readonly Finding[];
}

export function resolveTelemetry(
  about: ObjectRef,
  spec: TelemetrySpec = {},
  lookup: Lookup,
): { readonly telemetry: Telemetry; readonly findings: readonly Finding[] } {
  const accessLog = resolveAccessLog(about, spec.accessLog);
  const tracing = resolveTracing(about, spec.tracing, lookup);
  return {
    telemetry: { accessLog: accessLog.value, tracing: tracing.value },
    findings: [...accessLog.findings, ...tracing.findings],
  };
}

function resolveAccessLog(about: ObjectRef, spec: AccessLogSpec = {}): Resolved<AccessLog | undefined> {
  const { minStatus, samplePercent, excludePaths = [] } = spec.filter ?? {};
  const fields = extras(spec.fields, { about, at: `${at}.accessLog.fields` }, (name) => fieldNames.has(name));
  const value: AccessLog = {
    query: spec.query ?? false,
    fields: fields.value,
    filter: {
      ...(minStatus === undefined ? {} : { minStatus }),
      ...(samplePercent === undefined ? {} : { samplePercent }),
      excludePaths,
    },
  };
  return { value: spec.enabled === false ? undefined : value, findings: fields.findings };
}

interface ExtraSpec {
  readonly name: string;
  readonly requestHeader?: string | undefined;
  readonly responseHeader?: string | undefined;
  readonly value?: string | undefined;
}

function extras(
  specs: readonly ExtraSpec[] = [],
  place: { readonly about: ObjectRef; readonly at: string },
  isTaken: (name: string) => boolean,
): Resolved<readonly Extra[]> {
  const read = specs.map((spec, index) => extra(spec, { ...place, at: `${place.at}[${index}]` }, isTaken));
  return {
    value: read.flatMap((one) => ('from' in one ? [one] : [])),
    findings: read.flatMap((one) => ('from' in one ? [] : [one])),
  };
}

function extra(
  { name, requestHeader, responseHeader, value = '' }: ExtraSpec,
  place: { readonly about: ObjectRef; readonly at: string },
  isTaken: (name: string) => boolean,
): Extra | Finding {
  const refused = { about: place.about, severity: 'error', reason: 'UnsupportedValue' } as const;
  if (isTaken(name)) {
    const message = `${name} is there already, so this one is left out`;
    return { ...refused, at: `${place.at}.name`, message, remedy: 'Give it another name' };
  }
  const header = requestHeader ?? responseHeader;
  if (header === undefined) return { name, from: { kind: 'value', value } };
  const kind = requestHeader === undefined ? 'responseHeader' : 'requestHeader';
  const problem = unspeakable(header);
  if (problem !== undefined) return { ...refused, at: `${place.at}.${kind}`, ...problem };
  return { name, from: { kind, header: header.toLowerCase() } };
}

function resolveTracing(
  about: ObjectRef,
  spec: TracingSpec | undefined,
  lookup: Lookup,
): Resolved<Tracing | undefined> {
  if (spec === undefined) return { value: undefined, findings: [] };
  const { protocol = 'GRPC', samplingPercent = 100 } = spec;
  const attributes = extras(spec.attributes, { about, at: `${at}.tracing.attributes` }, isOwnAttribute);
  const backend = collector(about, spec, lookup);
  if ('problem' in backend) {
    const finding: Finding = {
      about,
      severity: 'error',
      ...backend.problem,
      at: `${at}.tracing.backendRef.${backend.at}`,
    };
    return { value: undefined, findings: [finding, ...attributes.findings] };
  }
  const value = { backend, protocol, samples: Math.round(samplingPercent * 100), attributes: attributes.value };
  return { value, findings: attributes.findings };
}

interface Problem {
  readonly at: 'name' | 'namespace' | 'port';
  readonly problem: Pick<Finding, 'reason' | 'message' | 'remedy'>;
}

function collector(about: ObjectRef, { backendRef, protocol }: TracingSpec, lookup: Lookup): Backend | Problem {
  const { name, port, namespace = about.namespace } = backendRef;
  const target: ObjectRef = { kind: 'Service', namespace, name };
  const who = describeRef(target);
  if (!lookup.canReference(about, { ...target, group: '' })) {
    const message = `${who} is in another namespace and no ReferenceGrant there admits ApiGateways of ${about.namespace}, so nothing is traced`;
    const remedy = `Create a ReferenceGrant in namespace ${namespace} from group evengate.dev, kind ApiGateway, namespace ${about.namespace} to kind Service`;
    return { at: 'namespace', problem: { reason: 'RefNotPermitted', message, remedy } };
  }
  const service = lookup.service(namespace, name);
  if (service === undefined) {
    const message = `${who} does not exist, so nothing is traced`;
    const remedy = 'Create the Service, or correct the name or namespace';
    return { at: 'name', problem: { reason: 'BackendNotFound', message, remedy } };
  }
  // As for backends of Routes: it could name any host, Envoy's own included.
  if (service.spec?.type === 'ExternalName') {
    const message = `${who} is of type ExternalName, which is refused as a backend, so nothing is traced`;
    return { at: 'name', problem: { reason: 'InvalidKind', message, remedy: 'Name a Service that selects pods' } };
  }
  const ports = service.spec?.ports ?? [];
  if (ports.some((known) => known.port === port && (known.protocol ?? 'TCP') === 'TCP')) {
    return { namespace, service: name, port, protocol: protocol === 'HTTP' ? 'HTTP/1.1' : 'HTTP/2' };
  }
  const has = ports.length === 0 ? '' : ` (it has ${ports.map((known) => known.port).join(', ')})`;
  const message = `${who} has no TCP port ${port}${has}, so nothing is traced`;
  return { at: 'port', problem: { reason: 'BackendNotFound', message, remedy: 'Name a port of the Service' } };
}
