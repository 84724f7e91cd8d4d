/** Which listeners a Route attaches to, and with which hosts (Gateway API ParentReference). */
import type { ParentRefSpec } from '../api/route.ts';
import type { Lookup } from '../ir/lookup.ts';
import { keyOf, type ObjectKey, type ObjectRef } from '../kube/object.ts';
import type { Finding, Reason } from '../status/finding.ts';
import { anyHost, intersectHosts, ownerOf } from './hosts.ts';
import type { ResolvedListener } from './listeners.ts';
import type { ParsedRoute } from './parse.ts';
import { matchesSelector } from './selector.ts';
import type { GatewayContext } from './world.ts';

export interface Attachment {
  readonly gateway: GatewayContext;
  readonly listener: ResolvedListener;
  readonly hosts: readonly string[];
}

/** What became of one parentRef. */
export interface ParentReport {
  readonly parentRef: ParentRefSpec;
  readonly gateway: ObjectKey;
  readonly listeners: readonly string[];
  readonly problem: Finding | undefined;
  /** The ApiGateway is another operator's, and so is what becomes of the Route there. */
  readonly elsewhere: boolean;
}

export interface Attached {
  readonly attachments: readonly Attachment[];
  readonly parents: readonly ParentReport[];
}

export interface Gateways {
  readonly get: (key: ObjectKey) => GatewayContext | undefined;
  readonly isElsewhere: (key: ObjectKey) => boolean;
}

export function attach(route: ParsedRoute, gateways: Gateways, lookup: Lookup): Attached {
  const asked = route.parentRefs.map((parentRef, index) => {
    const key = keyOf(parentRef.namespace ?? route.ref.namespace, parentRef.name);
    const at = `spec.parentRefs[${index}]`;
    if (gateways.isElsewhere(key)) return { parentRef, key, at, outcome: [], elsewhere: true };
    const outcome = attachTo({ route, parentRef, key, gateway: gateways.get(key) }, lookup);
    return { parentRef, key, at, outcome, elsewhere: false };
  });
  const unique = new Map(
    asked.flatMap(({ key, outcome }) =>
      'refused' in outcome ? [] : outcome.map((one) => [`${key}/${one.listener.spec.name}`, one] as const),
    ),
  );
  return {
    attachments: [...unique.values()],
    parents: asked.map(({ parentRef, key, at, outcome, elsewhere }) => ({
      parentRef,
      gateway: key,
      listeners: 'refused' in outcome ? [] : outcome.map(({ listener }) => listener.spec.name),
      problem: 'refused' in outcome ? { about: route.ref, severity: 'error', at, ...outcome.refused } : undefined,
      elsewhere,
    })),
  };
}

interface Asked {
  readonly route: ParsedRoute;
  readonly parentRef: ParentRefSpec;
  /** Of the ApiGateway. */
  readonly key: ObjectKey;
  readonly gateway: GatewayContext | undefined;
}

interface Refusal {
  readonly refused: Pick<Finding, 'reason' | 'message' | 'remedy'>;
}

function refuse(reason: Reason, message: string, remedy: string): Refusal {
  return { refused: { reason, message, remedy } };
}

function attachTo({ route, parentRef, key, gateway }: Asked, lookup: Lookup): readonly Attachment[] | Refusal {
  if (gateway === undefined) {
    const message = `ApiGateway ${key} does not exist or cannot be read`;
    return refuse('NoMatchingParent', message, 'Create or correct it, or correct name and namespace');
  }
  const named = gateway.listeners.filter(({ spec }) => isNamed(parentRef, spec));
  if (named.length === 0) {
    const known = gateway.listeners.map(({ spec }) => `${spec.name} (port ${spec.port})`).join(', ');
    const message = `ApiGateway ${key} has no such listener: it has ${known}`;
    return refuse('NoMatchingParent', message, 'Correct sectionName or port');
  }
  const allowed = named.filter(({ spec }) => admits(spec.allowedRoutes?.namespaces, gateway.ref, route.ref, lookup));
  if (allowed.length === 0) {
    const message = `no listener of ApiGateway ${key} admits Routes of namespace ${route.ref.namespace}`;
    const remedy = "Ask the gateway's owner to extend allowedRoutes.namespaces of the listener";
    return refuse('NotAllowedByListeners', message, remedy);
  }
  const attachments = allowed.flatMap((listener) => {
    const hosts = hostsOn(listener, gateway.listeners, route.hostnames);
    return hosts.length === 0 ? [] : [{ gateway, listener, hosts }];
  });
  if (attachments.length > 0) return attachments;
  const owned = allowed.map(({ hostname }) => hostname).join(', ');
  const message = `no hostname of the Route is one that the listener owns (${owned})`;
  return refuse('NoMatchingListenerHostname', message, 'Give the Route a hostname within that of the listener');
}

function isNamed({ sectionName, port }: ParentRefSpec, listener: ResolvedListener['spec']): boolean {
  return (sectionName === undefined || listener.name === sectionName) && (port === undefined || listener.port === port);
}

function admits(
  namespaces: NonNullable<ResolvedListener['spec']['allowedRoutes']>['namespaces'],
  gateway: ObjectRef,
  route: ObjectRef,
  lookup: Lookup,
): boolean {
  switch (namespaces?.from ?? 'Same') {
    case 'All':
      return true;
    case 'Same':
      return gateway.namespace === route.namespace;
    case 'Selector':
      return matchesSelector(namespaces?.selector ?? {}, lookup.namespaceLabels(route.namespace));
  }
}

/** The route's hosts as far as the listener owns them: a more specific listener on the port takes its own away. */
function hostsOn(
  listener: ResolvedListener,
  all: readonly ResolvedListener[],
  hostnames: readonly string[] | undefined,
): readonly string[] {
  const rivals = all
    .filter(({ spec }) => spec.port === listener.spec.port && spec.protocol === listener.spec.protocol)
    .map(({ hostname }) => hostname);
  const shared = (hostnames ?? [anyHost]).flatMap((host) => intersectHosts(listener.hostname, host) ?? []);
  return [...new Set(shared)].filter((host) => ownerOf(host, rivals) === listener.hostname);
}
