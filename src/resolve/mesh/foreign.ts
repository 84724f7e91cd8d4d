/** Istio policies of somebody else that admit what ours refuse: ALLOW policies are OR-ed over all that select a Pod. */
import type { ClosedPort } from '../../ir/mesh.ts';
import {
  type AuthorizationPolicy,
  dryRunAnnotation,
  type MutualTlsMode,
  type PeerAuthentication,
  type Rule,
  type Scope,
} from '../../istio/security.ts';
import { describeRef, type KubeObject, type ObjectRef, refOf } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { selects } from './pods.ts';
import { concernedBy, type Verdict } from './reports.ts';
import type { MeshLook, Scene } from './scene.ts';

export const managedBy = 'app.kubernetes.io/managed-by';

export function isOurs({ metadata }: KubeObject): boolean {
  return metadata.labels?.[managedBy] === 'evengate';
}

export interface Overridden {
  readonly verdicts: readonly Verdict[];
  readonly findings: readonly Finding[];
}

export function overriding(scene: Scene, look: MeshLook): Overridden {
  const all = [...openings(scene, look), ...plaintext(look.get('peers', scene.seed.namespace) ?? [], scene)];
  return {
    verdicts: all.map(({ message }) => ({ reason: 'Overridden', message })),
    findings: concernedBy(scene).enforced.flatMap((about) =>
      all.map((one) => ({ about, severity: 'error', reason: 'Overridden', at: '', ...one })),
    ),
  };
}

type Sentence = Pick<Finding, 'message' | 'remedy'>;

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

/** Ambient takes DISABLE for PERMISSIVE. */
function plaintext(peers: readonly PeerAuthentication[], scene: Scene): readonly Sentence[] {
  const { seed, settings, closed, point } = scene;
  return deciding(peers, scene).flatMap((policy) => {
    const theirs = `${describeRef(refOf(policy))}, which is not Evengate's,`;
    const remedy = 'Delete it, or make its mode STRICT';
    if (point === 'sidecar' && hasMode(policy, closed, isDisabled)) {
      const what = 'nobody has an identity there, and what gateways send by mTLS fails';
      return [{ message: `${theirs} disables mTLS on a closed port of Service ${seed.key}: ${what}`, remedy }];
    }
    if (settings.mtls !== 'Strict' || !hasMode(policy, closed, isLoose)) return [];
    return [{ message: `${theirs} lets Service ${seed.key} take plaintext on a closed port`, remedy }];
  });
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

function isSelected(labels: Readonly<Record<string, string>>, { pods, seed }: Scene): boolean {
  return pods.length === 0
    ? selects(labels, seed.selector)
    : pods.some(({ metadata }) => selects(labels, metadata.labels));
}

/** Of several with a selector, the oldest alone counts (PeerAuthentication, one level); one without counts where there is none. */
function deciding(policies: readonly PeerAuthentication[], scene: Scene): readonly PeerAuthentication[] {
  const labelsOf = ({ spec }: PeerAuthentication) => spec?.selector?.matchLabels ?? {};
  const isGeneral = (policy: PeerAuthentication) => Object.keys(labelsOf(policy)).length === 0;
  const selecting = policies.filter((policy) => !isGeneral(policy) && isSelected(labelsOf(policy), scene));
  const general = scene.settings.mtls === 'Unmanaged' && selecting.length === 0 ? policies.filter(isGeneral) : [];
  const ours = selecting.filter(isOurs).map(({ metadata }) => metadata.creationTimestamp ?? '');
  const first = ours.filter((time) => time !== '').toSorted()[0];
  return [...selecting, ...general].filter((policy) => {
    const made = policy.metadata.creationTimestamp;
    const younger = first !== undefined && made !== undefined && made > first;
    return !isOurs(policy) && !younger;
  });
}

/** At some closed port; at all of them where their numbers are not known. */
function hasMode(
  { spec }: PeerAuthentication,
  closed: readonly ClosedPort[],
  is: (mode: MutualTlsMode) => boolean,
): boolean {
  const whole = spec?.mtls?.mode ?? 'UNSET';
  return closed.some(({ targets }) =>
    targets.length === 0
      ? is(whole)
      : targets.some((target) => is(spec?.portLevelMtls?.[String(target)]?.mode ?? whole)),
  );
}

function isLoose(mode: MutualTlsMode): boolean {
  return mode !== 'STRICT';
}

function isDisabled(mode: MutualTlsMode): boolean {
  return mode === 'DISABLE';
}
