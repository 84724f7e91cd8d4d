/** Listeners of an ApiGateway: which of them conflict, which certificates they have, and who may attach. */
import type { ApiGatewaySpec } from '../api/api-gateway.ts';
import { certificateProblem, certificateProblems, certificateRemedy } from '../features/listeners/certificate.ts';
import { portProblem } from '../features/listeners/ports.ts';
import type { ListenerSpec } from '../features/listeners/schema.ts';
import { grantAccess } from '../features/secret-access.ts';
import type { Certificate, ClientValidation } from '../ir/gateway.ts';
import type { Lookup } from '../ir/lookup.ts';
import { describeRef, type ObjectRef } from '../kube/object.ts';
import type { Finding, Reason } from '../status/finding.ts';
import { clientValidationOf } from './client-validation.ts';
import { anyHost } from './hosts.ts';

export interface ResolvedListener {
  readonly spec: ListenerSpec;
  readonly hostname: string;
  readonly chain: string;
  readonly certificates: readonly Certificate[];
  readonly clientValidation?: ClientValidation;
  /** False: no traffic reaches it, but it still owns its hosts. */
  readonly served: boolean;
}

export interface ResolvedListeners {
  readonly listeners: readonly ResolvedListener[];
  readonly findings: readonly Finding[];
}

export function resolveListeners(ref: ObjectRef, spec: ApiGatewaySpec, lookup: Lookup): ResolvedListeners {
  const resolved = spec.listeners.map((listener, index) => {
    const at = `spec.listeners[${index}]`;
    const unusable = placeFindings(listener, spec, { about: ref, at });
    const tls = certificatesOf(listener, { about: ref, at }, lookup);
    const { validation, findings } = clientValidationOf(listener, { about: ref, at }, lookup);
    const open = listener.protocol === 'HTTPS' && tls.certificates.length === 0;
    const broken = open || findings.length > 0;
    return {
      listener: {
        spec: listener,
        hostname: listener.hostname ?? anyHost,
        chain: chainName(listener),
        certificates: tls.certificates,
        ...(validation === undefined ? {} : { clientValidation: validation }),
        served: unusable.length === 0 && !broken,
      },
      findings: [...unusable, ...tls.findings, ...findings],
    };
  });
  return {
    listeners: resolved.map(({ listener }) => listener),
    findings: resolved.flatMap(({ findings }) => findings),
  };
}

/** HTTP listeners of a port share a connection manager; an HTTPS listener has its own. */
function chainName({ protocol, port, name }: ListenerSpec): string {
  return protocol === 'HTTP' ? `http-${port}` : `https-${port}-${name}`;
}

interface Sentence {
  readonly message: string;
  readonly remedy: string;
}

function finding(about: ObjectRef, reason: Reason, at: string, sentence: Sentence): Finding {
  return { about, severity: 'error', reason, at, ...sentence };
}

/** Of the place that the listener wants. */
function placeFindings(
  listener: ListenerSpec,
  { listeners: all, mesh }: ApiGatewaySpec,
  { about, at }: { readonly about: ObjectRef; readonly at: string },
): readonly Finding[] {
  const conflict = conflictOf(listener, all);
  const port = portProblem(listener, all, mesh?.mode);
  return [
    ...(conflict === undefined ? [] : [finding(about, 'Conflicted', at, conflict)]),
    ...(port === undefined ? [] : [finding(about, 'UnsupportedValue', `${at}.port`, port)]),
  ];
}

/** Gateway API: of indistinct listeners none wins. */
function conflictOf(listener: ListenerSpec, all: readonly ListenerSpec[]): Sentence | undefined {
  const onPort = all.filter((other) => other.port === listener.port && other.name !== listener.name);
  const otherProtocol = onPort.find((other) => other.protocol !== listener.protocol);
  if (otherProtocol !== undefined) {
    return {
      message: `port ${listener.port} is ${listener.protocol} here and ${otherProtocol.protocol} in listener ${otherProtocol.name}; neither is served`,
      remedy: 'Give one of them another port',
    };
  }
  const twin = onPort.find((other) => other.hostname === listener.hostname);
  if (twin === undefined) return undefined;
  return {
    message: `port ${listener.port} and hostname ${listener.hostname ?? '(any)'} are claimed by listener ${twin.name}, too; neither is served`,
    remedy: 'Give one of them another port or hostname',
  };
}

interface Certificates {
  readonly certificates: readonly Certificate[];
  readonly findings: readonly Finding[];
}

function certificatesOf(
  listener: ListenerSpec,
  author: { readonly about: ObjectRef; readonly at: string },
  lookup: Lookup,
): Certificates {
  const refs = (listener.tls?.certificateRefs ?? []).map((written, index) => {
    const secret: ObjectRef = {
      kind: 'Secret',
      namespace: written.namespace ?? author.about.namespace,
      name: written.name,
    };
    const problem = secretProblem(author.about, secret, lookup);
    return { secret, problem, at: `${author.at}.tls.certificateRefs[${index}]` };
  });
  return {
    certificates: refs.filter(({ problem }) => problem === undefined).map(({ secret }) => ({ secret })),
    findings: refs.flatMap(({ problem, at }) =>
      problem === undefined ? [] : [finding(author.about, problem.reason, `${at}.name`, problem)],
    ),
  };
}

function secretProblem(
  from: ObjectRef,
  ref: ObjectRef,
  lookup: Lookup,
): (Sentence & { readonly reason: Reason }) | undefined {
  if (!lookup.canReference(from, { ...ref, group: '' })) {
    return {
      reason: 'RefNotPermitted',
      message: `${describeRef(ref)} is in another namespace and no ReferenceGrant there admits ApiGateways of ${from.namespace}`,
      remedy: `Create a ReferenceGrant in namespace ${ref.namespace} from group evengate.dev, kind ApiGateway, namespace ${from.namespace} to kind Secret`,
    };
  }
  const secret = lookup.secret(ref.namespace, ref.name);
  const problem = secret === undefined ? certificateProblems.absent : certificateProblem(secret);
  if (problem === undefined) return undefined;
  const forbidden = secret?.unread === 'forbidden';
  return {
    reason: 'InvalidCertificateRef',
    message: `${describeRef(ref)} ${problem}`,
    remedy: forbidden
      ? `${grantAccess}, or keep it in namespace ${from.namespace}, where Envoy mounts it`
      : certificateRemedy,
  };
}
