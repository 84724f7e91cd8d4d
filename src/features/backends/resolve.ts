import type { Backend } from '../../ir/gateway.ts';
import type { Author, Lookup } from '../../ir/lookup.ts';
import type { ServicePort } from '../../kube/core.ts';
import { describeRef, type ObjectRef } from '../../kube/object.ts';
import type { Finding, Reason } from '../../status/finding.ts';
import type { HeadersSpec } from '../header-edits.ts';
import type { BackendRefSpec } from './schema.ts';

/** A backendRef with its share; `backend` is undefined where the share answers 500. */
export interface WeightedBackend {
  readonly backend: Backend | undefined;
  readonly weight: number;
  readonly requestHeaders?: HeadersSpec;
  readonly responseHeaders?: HeadersSpec;
}

export interface Resolved {
  readonly weighted: WeightedBackend;
  readonly findings: readonly Finding[];
}

export function resolveBackend(spec: BackendRefSpec, author: Author, lookup: Lookup): Resolved {
  const namespace = spec.namespace ?? author.about.namespace;
  const target: ObjectRef = { kind: spec.kind ?? 'Service', namespace, name: spec.name };
  const problem = refusal(spec, target, author, lookup);
  const backend = problem === undefined ? findBackend(spec, target, lookup) : problem;
  const broken = 'reason' in backend;
  return {
    weighted: {
      backend: broken ? undefined : backend,
      weight: spec.weight ?? 1,
      ...(spec.requestHeaders === undefined ? {} : { requestHeaders: spec.requestHeaders }),
      ...(spec.responseHeaders === undefined ? {} : { responseHeaders: spec.responseHeaders }),
    },
    findings: broken ? [{ about: author.about, severity: 'error', ...backend, at: `${author.at}.${backend.at}` }] : [],
  };
}

interface Problem {
  readonly reason: Reason;
  readonly at: string;
  readonly message: string;
  readonly remedy: string;
}

function refusal(spec: BackendRefSpec, target: ObjectRef, author: Author, lookup: Lookup): Problem | undefined {
  const group = spec.group ?? '';
  if (group !== '' || target.kind !== 'Service') {
    return {
      reason: 'InvalidKind',
      at: group === '' ? 'kind' : 'group',
      message: `backends of kind ${group === '' ? '' : `${group}/`}${target.kind} are not supported`,
      remedy: 'Name a Service of the core group',
    };
  }
  if (lookup.canReference(author.about, { ...target, group })) return undefined;
  return {
    reason: 'RefNotPermitted',
    at: 'namespace',
    message: `${describeRef(target)} is in another namespace and no ReferenceGrant there admits Routes of ${author.about.namespace}`,
    remedy: `Create a ReferenceGrant in namespace ${target.namespace} from group evengate.dev, kind Route, namespace ${author.about.namespace} to kind Service`,
  };
}

function findBackend(spec: BackendRefSpec, target: ObjectRef, lookup: Lookup): Backend | Problem {
  const service = lookup.service(target.namespace, target.name);
  if (service === undefined) {
    return {
      reason: 'BackendNotFound',
      at: 'name',
      message: `${describeRef(target)} does not exist`,
      remedy: 'Create the Service, or correct the name or namespace',
    };
  }
  // An ExternalName would let a Route's author point the edge at any host, its own admin port included.
  if (service.spec?.type === 'ExternalName') {
    return {
      reason: 'InvalidKind',
      at: 'name',
      message: `${describeRef(target)} is of type ExternalName, which is refused as a backend`,
      remedy: 'Name a Service that selects pods',
    };
  }
  const ports = service.spec?.ports ?? [];
  const port = ports.find((candidate) => candidate.port === spec.port && (candidate.protocol ?? 'TCP') === 'TCP');
  if (port === undefined) {
    return {
      reason: 'BackendNotFound',
      at: 'port',
      message: `${describeRef(target)} has no TCP port ${spec.port}${ports.length === 0 ? '' : ` (it has ${ports.map((known) => known.port).join(', ')})`}`,
      remedy: 'Name a port of the Service',
    };
  }
  return withProtocol(port, target);
}

/** Kubernetes' and Istio's values of appProtocol (KEP-3726) that an HTTP route can serve. */
const protocols: Readonly<Record<string, Backend['protocol']>> = {
  http: 'HTTP/1.1',
  'kubernetes.io/ws': 'HTTP/1.1',
  'kubernetes.io/h2c': 'HTTP/2',
  h2c: 'HTTP/2',
  http2: 'HTTP/2',
  grpc: 'HTTP/2',
};

function withProtocol(port: ServicePort, target: ObjectRef): Backend | Problem {
  const protocol = protocols[port.appProtocol ?? 'http'];
  if (protocol === undefined) {
    return {
      reason: 'UnsupportedProtocol',
      at: 'port',
      message: `port ${port.port} of ${describeRef(target)} speaks ${JSON.stringify(port.appProtocol)}, which is not supported`,
      remedy: `Set its appProtocol to one of ${Object.keys(protocols).join(', ')}, or leave it out for HTTP/1.1`,
    };
  }
  return { namespace: target.namespace, service: target.name, port: port.port, protocol };
}
