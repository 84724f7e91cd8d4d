/** Selectors, modes and classes that contradict each other. */
import { keyOf, type ObjectRef } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { sameMesh, type Verdict } from './reports.ts';
import type { MeshLook, Scene, ScenePort } from './scene.ts';

export interface Conflicts {
  /** Any of these: the workload admits nobody. */
  readonly verdicts: readonly Verdict[];
  readonly findings: readonly Finding[];
  /** Another operator writes for it. */
  readonly yields: boolean;
}

export function conflictsOf(scene: Scene, look: MeshLook): Conflicts {
  const overlapping = overlap(scene, look);
  const rival = scene.unreached ? undefined : firstRival(scene, look);
  const undecided = scene.unreached && scene.denied.length > 0;
  const sentences = [
    ...(overlapping === undefined ? [] : [overlapping]),
    ...(rival === undefined ? [] : [rival]),
    ...(undecided
      ? [
          {
            message: `no gateway reaches it, and the ApiGateways of the class disagree about mesh.mode, mesh.trustDomain or mesh.waypoint`,
            remedy: 'Let them agree, or send to the Service from a Route of one of them',
          },
        ]
      : []),
  ];
  return {
    verdicts: sentences.map(({ message, remedy }) => ({
      reason: 'Conflicted',
      message: `${message}, so it admits nobody`,
      remedy,
    })),
    findings: [
      ...sentences.map(({ message, remedy }) => conflict(serviceRef(scene), `${message}, so it admits nobody`, remedy)),
      ...(undecided ? [] : scene.denied.map((key) => deniedGateway(key, scene, look))),
      ...outsiders(scene, look),
      ...strangers(scene),
      ...borrowed(scene),
    ],
    yields: rival !== undefined,
  };
}

interface Sentence {
  readonly message: string;
  readonly remedy: string;
}

function serviceRef({ seed }: Scene): ObjectRef {
  return { kind: 'Service', namespace: seed.namespace, name: seed.services[0] ?? '' };
}

function conflict(about: ObjectRef, message: string, remedy: string): Finding {
  return { about, severity: 'error', reason: 'MeshConflict', at: '', message, remedy };
}

/** ALLOW policies are OR-ed over all that select a Pod: what one Service's policies refuse, the other's rules would admit. */
function overlap({ seed, ports }: Scene, look: MeshLook): Sentence | undefined {
  if (seed.neighbours.length === 0) return undefined;
  const isGuarded = (service: string) =>
    (look.get('authOn', `Service ${keyOf(seed.namespace, service)}`) ?? []).some(
      ({ policy }) => policy.mode === 'Enforce',
    );
  if (!ports.some(({ named }) => named) && !seed.neighbours.some(isGuarded)) return undefined;
  const names = [...seed.services, ...seed.neighbours].toSorted().join(', ');
  return {
    message: `Services ${names} select some of the same Pods by different selectors, and AuthPolicies target one of them`,
    remedy: 'Give the Services selectors that are equal or share no Pod, or target Routes instead',
  };
}

/** Of several classes the first by name writes: all operators see the same objects. */
function firstRival({ seed }: Scene, look: MeshLook): Sentence | undefined {
  const [own = ''] = look.get('className', '') ?? [];
  const first = seed.services
    .flatMap((service) => look.get('rivals', keyOf(seed.namespace, service)) ?? [])
    .toSorted((a, b) => (a.className < b.className ? -1 : 1))
    .find(({ className }) => className < own);
  if (first === undefined) return undefined;
  return {
    message: `ApiGateway ${first.gateway} of class ${first.className} reaches it, too, and the operator of that class enforces there`,
    remedy: `Reach the Service by gateways of one class`,
  };
}

function deniedGateway(key: string, { seed, settings, doors }: Scene, look: MeshLook): Finding {
  const other = look.get('settings', key);
  const [at, own, wanted] =
    other?.mode !== settings.mode
      ? (['mode', other?.mode, settings.mode] as const)
      : other.trustDomain !== settings.trustDomain
        ? (['trustDomain', other.trustDomain, settings.trustDomain] as const)
        : (['waypoint', other.waypoint?.name ?? 'none', settings.waypoint?.name ?? 'none'] as const);
  const [first = ''] = doors.map(({ reached }) => reached.gateway).toSorted();
  const message = `its mesh.${at} ${own} is not ${wanted} as that of ApiGateway ${first}, which reaches Service ${seed.key} as well, so the Service refuses its requests`;
  return { ...conflict(gatewayRef(key), message, sameMesh), at: `spec.mesh.${at}` };
}

/** Their requests carry no identity. */
function outsiders({ seed, closed }: Scene, look: MeshLook): readonly Finding[] {
  if (closed.length === 0) return [];
  const keys = new Set(seed.services.flatMap((service) => look.get('plain', keyOf(seed.namespace, service)) ?? []));
  const message = `it has no part in the mesh, but sends to Service ${seed.key}, where the mesh admits only callers with an identity`;
  const remedy = 'Set spec.mesh.mode as at the other ApiGateways, or send elsewhere';
  return [...keys].map((key) => ({ ...conflict(gatewayRef(key), message, remedy), at: 'spec.mesh.mode' }));
}

/** Routes of other namespaces start nothing: a tenant cannot close another's ports. */
function strangers({ doors, closed, seed }: Scene): readonly Finding[] {
  const open = doors.filter(
    ({ own, ports, service }) =>
      !own && !ports.every((port) => closed.some((one) => one.service === service && one.port === port)),
  );
  const routes = new Map(
    open.map(({ reached }) => [
      keyOf(reached.entry.rule.route.namespace, reached.entry.rule.route.name),
      reached.entry.rule.route,
    ]),
  );
  return [...routes.values()].map((about) => ({
    about,
    severity: 'warning',
    reason: 'NotEnrolled',
    at: 'spec.rules',
    message: `it sends to Service ${seed.key} of another namespace, where no Route or AuthPolicy of that namespace names the port: the mesh enforces nothing there`,
    remedy: `Target the Service with an AuthPolicy in namespace ${seed.namespace}`,
  }));
}

/** Nobody at the Pods sees which Service was dialled, and the edge asks the policies of the one that it sends to. */
function borrowed({ ports, closed, seed }: Scene): readonly Finding[] {
  const isClosed = ({ at }: ScenePort) =>
    closed.some(({ service, port }) => service === at.service && port === at.port);
  return ports.filter(isClosed).flatMap(({ at, borrowed: policies = [] }) =>
    policies.map(({ ref }) => ({
      about: ref,
      severity: 'warning',
      reason: 'MeshConflict',
      at: 'spec.targetRefs',
      message: `port ${at.port} of Service ${keyOf(seed.namespace, at.service)} leads to the same port of the same Pods as the Service that it targets: the mesh refuses there, too, what this policy refuses, also where a gateway admits it`,
      remedy: 'Target both Services, or give them ports of their own at the Pods',
    })),
  );
}

function gatewayRef(key: string): ObjectRef {
  const [namespace = '', name = ''] = key.split('/');
  return { kind: 'ApiGateway', namespace, name };
}
