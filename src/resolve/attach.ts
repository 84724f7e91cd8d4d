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
}

export interface Attached {
  readonly attachments: readonly Attachment[];
  readonly parents: readonly ParentReport[];
}

export type Gateways = Pick<ReadonlyMap<ObjectKey, GatewayContext>, 'get'>;

export function attach(route: ParsedRoute, gateways: Gateways, lookup: Lookup): Attached {
  const parents = route.parentRefs.map((parentRef, index) => {
    const key = keyOf(parentRef.namespace ?? route.ref.namespace, parentRef.name);
    const outcome = attachTo({ route, parentRef, at: `spec.parentRefs[${index}]`, gateway: gateways.get(key) }, lookup);
    const problem = 'about' in outcome ? outcome : undefined;
    const attachments = 'about' in outcome ? [] : outcome;
    return {
      parentRef,
      gateway: key,
      listeners: attachments.map(({ listener }) => listener.spec.name),
      problem,
      attachments,
    };
  });
  const unique = new Map(
    parents.flatMap(({ attachments, gateway }) =>
      attachments.map((one) => [`${gateway}/${one.listener.spec.name}`, one]),
    ),
  );
  return {
    attachments: [...unique.values()],
    parents: parents.map(({ attachments: _, ...report }) => report),
  };
}

interface Asked {
  readonly route: ParsedRoute;
  readonly parentRef: ParentRefSpec;
  readonly at: string;
  readonly gateway: GatewayContext | undefined;
}

function attachTo({ route, parentRef, at, gateway }: Asked, lookup: Lookup): readonly Attachment[] | Finding {
  const refuse = (reason: Reason, message: string, remedy: string): Finding => ({
    about: route.ref,
    severity: 'error',
    reason,
    at,
    message,
    remedy,
  });
  const name = keyOf(parentRef.namespace ?? route.ref.namespace, parentRef.name);
  if (gateway === undefined) {
    return refuse(
      'NoMatchingParent',
      `ApiGateway ${name} does not exist or is of another class`,
      'Create it, or correct name and namespace',
    );
  }
  const named = gateway.listeners.filter(
    ({ spec }) =>
      (parentRef.sectionName === undefined || spec.name === parentRef.sectionName) &&
      (parentRef.port === undefined || spec.port === parentRef.port),
  );
  if (named.length === 0) {
    const known = gateway.listeners.map(({ spec }) => `${spec.name} (port ${spec.port})`).join(', ');
    return refuse(
      'NoMatchingParent',
      `ApiGateway ${name} has no such listener: it has ${known}`,
      'Correct sectionName or port',
    );
  }
  const allowed = named.filter(({ spec }) => admits(spec.allowedRoutes?.namespaces, gateway.ref, route.ref, lookup));
  if (allowed.length === 0) {
    return refuse(
      'NotAllowedByListeners',
      `no listener of ApiGateway ${name} admits Routes of namespace ${route.ref.namespace}`,
      "Ask the gateway's owner to extend allowedRoutes.namespaces of the listener",
    );
  }
  const attachments = allowed.flatMap((listener) => {
    const hosts = hostsOn(listener, gateway.listeners, route.hostnames);
    return hosts.length === 0 ? [] : [{ gateway, listener, hosts }];
  });
  if (attachments.length > 0) return attachments;
  return refuse(
    'NoMatchingListenerHostname',
    `no hostname of the Route is one that the listener owns (${allowed.map(({ hostname }) => hostname).join(', ')})`,
    'Give the Route a hostname within that of the listener',
  );
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
