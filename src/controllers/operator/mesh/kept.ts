/** What stays of a workload that nothing names any more: the ports that were closed admit nobody. Pure. */
import { type AuthorizationPolicy, dryRunAnnotation, type Rule, type SecurityObject } from '../../../istio/security.ts';
import type { KubeObject } from '../../../kube/object.ts';

/** On what is only kept. */
export const keptAnnotation = 'evengate.dev/kept';

const unnamed = 'no Route or Service policy names the workload any more; spec.mesh.onLastPolicy: Release would open it';

/** In force, and about who may call: while it is there, its ports are closed. */
export function isClosing(object: SecurityObject): object is AuthorizationPolicy {
  return isPolicy(object) && (object.spec?.action ?? 'ALLOW') === 'ALLOW' && !isCounted(object);
}

export function isPolicy(object: SecurityObject): object is AuthorizationPolicy {
  return object.kind === 'AuthorizationPolicy';
}

export function isCounted({ metadata }: SecurityObject): boolean {
  return metadata.annotations?.[dryRunAnnotation] === 'true';
}

export function isKept({ metadata }: SecurityObject): boolean {
  return metadata.annotations?.[keptAnnotation] !== undefined;
}

/** Each ALLOW without its rules but for that of the ports that stay open, and how connections are encrypted. */
export function kept(stored: readonly SecurityObject[], why = unnamed): readonly SecurityObject[] {
  return stored.flatMap((object): readonly SecurityObject[] => {
    if (isClosing(object)) return [closed(object, why)];
    return object.kind === 'PeerAuthentication' ? [plain(object, why)] : [];
  });
}

/**
 * Ports that are closed and that nothing names any more, while the workload is named: they go on admitting nobody. The same
 * list where there are none. Where all were closed, the number of one was not known.
 * @param besides what is there for the same Pods by other names
 */
export function withKeptPorts(
  desired: readonly SecurityObject[],
  stored: readonly SecurityObject[],
  besides: readonly SecurityObject[] = [],
): readonly SecurityObject[] {
  const before = new Map(stored.filter(isClosing).map((object) => [object.metadata.name, closedBy(object)] as const));
  const there = besides.filter(isClosing).flatMap(closedBy);
  const result = desired.map((object) => {
    if (!isClosing(object)) return object;
    const same = object.spec?.selector === undefined ? [] : there;
    const [was, now] = [[...(before.get(object.metadata.name) ?? []), ...same], closedBy(object)];
    const ports = [...new Set([...now, ...was])].toSorted((a, b) => Number(a) - Number(b));
    if (now.length === 0 || ports.length === now.length) return object;
    const widened = { to: [{ operation: { notPorts: ports } }] };
    const rules = (object.spec?.rules ?? []).map((rule) => (isOfOtherPorts(rule) ? widened : rule));
    return { ...object, spec: { ...object.spec, rules } };
  });
  return result.every((object, index) => object === desired[index]) ? desired : result;
}

function closedBy(object: AuthorizationPolicy): readonly string[] {
  return closedPorts(object) ?? [];
}

/** The closed ports, by the rule that leaves all others open; undefined where there is none. */
export function closedPorts({ spec }: AuthorizationPolicy): readonly string[] | undefined {
  return spec?.rules?.find(isOfOtherPorts)?.to?.[0]?.operation.notPorts;
}

function closed(object: AuthorizationPolicy, why: string): AuthorizationPolicy {
  const { rules = [], ...spec } = object.spec ?? {};
  const open = rules.filter(isOfOtherPorts);
  return { ...plain(object, why), spec: { ...spec, ...(open.length > 0 && { rules: open }) } };
}

/** As it would be applied: what the API server, Istio and we ourselves added is left out. */
function plain<T extends SecurityObject>({ apiVersion, kind, metadata, spec }: T, why: string): T {
  const { name, namespace, labels } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(labels && { labels }),
      annotations: { [keptAnnotation]: why },
    },
    spec,
  } as KubeObject as T;
}

/** `notPorts` alone; that of all ports is a rule of a policy (`render/mesh/authorization.ts`). */
export function isOfOtherPorts({ from, to = [], when }: Rule): boolean {
  const [only, ...more] = to;
  if (from !== undefined || when !== undefined || only === undefined || more.length > 0) return false;
  const { notPorts, ...others } = only.operation;
  return notPorts !== undefined && Object.keys(others).length === 0 && notPorts.join() !== '0';
}
