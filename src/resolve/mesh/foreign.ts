/** Istio policies of somebody else that admit what ours refuse: ALLOW policies are OR-ed over all that select a Pod. */
import type { ClosedPort } from '../../ir/mesh.ts';
import { type AuthorizationPolicy, dryRunAnnotation, type Rule, type Scope } from '../../istio/security.ts';
import { describeRef, type ObjectRef, refOf } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { isSelected, type Sentence } from './others.ts';
import { peersOf } from './peers.ts';
import { concernedBy, type Verdict } from './reports.ts';
import type { MeshLook, Scene } from './scene.ts';

export interface Overridden {
  readonly verdicts: readonly Verdict[];
  readonly findings: readonly Finding[];
}

export function overriding(scene: Scene, look: MeshLook): Overridden {
  const peers = peersOf(scene, look);
  const all = [...openings(scene, look), ...peers.overriding];
  return {
    verdicts: all.map((one) => ({ reason: 'Overridden', ...one })),
    findings: [
      ...concernedBy(scene).enforced.flatMap((about) =>
        all.map((one): Finding => ({ about, severity: 'error', reason: 'Overridden', at: '', ...one })),
      ),
      ...peers.warnings,
    ],
  };
}

function openings(scene: Scene, look: MeshLook): readonly Sentence[] {
  const { seed, settings, closed } = scene;
  return [...new Set([seed.namespace, settings.rootNamespace])]
    .flatMap((where) => look.get('foreign', where) ?? [])
    .filter((policy) => opens(policy, closed) && covers(policy.spec ?? {}, refOf(policy), scene))
    .map((policy) => ({
      message: `${describeRef(refOf(policy))}, which is not Evengate's, admits callers of Service ${seed.key} that no policy of Evengate admits`,
      remedy: 'Delete it, or say what it admits in an AuthPolicy',
    }));
}

function opens({ spec = {}, metadata }: AuthorizationPolicy, closed: readonly ClosedPort[]): boolean {
  const { action = 'ALLOW', rules = [] } = spec;
  if (action !== 'ALLOW' || metadata.annotations?.[dryRunAnnotation] === 'true') return false;
  return rules.some((rule) => reachesPort(rule, closed));
}

/** Numbers are those of Pods at a sidecar or ztunnel, and of the Service at a waypoint. */
function reachesPort({ to }: Rule, closed: readonly ClosedPort[]): boolean {
  const numbers = closed.flatMap(({ port, targets }) => [port, ...targets].map(String));
  const unknown = closed.some(({ targets }) => targets.length === 0);
  return (
    to?.every(
      ({ operation }) =>
        operation.ports !== undefined && !unknown && !operation.ports.some((port) => numbers.includes(port)),
    ) !== true
  );
}

function covers(scope: Scope, { namespace }: ObjectRef, scene: Scene): boolean {
  const { point, seed, settings } = scene;
  const root = namespace === settings.rootNamespace;
  if (scope.targetRefs !== undefined && scope.targetRefs.length > 0) {
    if (point !== 'waypoint') return false;
    return scope.targetRefs.some(({ kind, name }) => {
      if (kind === 'GatewayClass') return root && name === 'istio-waypoint';
      if (namespace !== seed.namespace) return false;
      return kind === 'Service' ? seed.services.includes(name) : kind === 'Gateway' && name === settings.waypoint?.name;
    });
  }
  // Sidecars and ztunnels read the others; beside a waypoint it would let callers pass that by.
  return isSelected(scope.selector?.matchLabels ?? {}, scene);
}
