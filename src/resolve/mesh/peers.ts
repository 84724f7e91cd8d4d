/**
 * PeerAuthentications of somebody else that decide how a workload is spoken to. Istio reads one by selector, one of the
 * namespace and one of its root namespace, of each the oldest; a mode that the one leaves UNSET is that of the next
 * (istio.io/istio pilot/pkg/security/authn, ComposePeerAuthentication).
 */
import type { MutualTlsMode, PeerAuthentication } from '../../istio/security.ts';
import { describeRef, refOf } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { isOurs, isSelected, type Sentence } from './others.ts';
import type { MeshLook, Scene } from './scene.ts';

export interface Peers {
  /** What we ask for does not hold. */
  readonly overriding: readonly Sentence[];
  readonly warnings: readonly Finding[];
}

export function peersOf(scene: Scene, look: MeshLook): Peers {
  const { bySelector, general, ignored } = levelsOf(scene, look);
  const { settings, seed } = scene;
  const isManaged = settings.mtls !== 'Unmanaged';
  // Ours is written by selector, and the youngest until it is there.
  if (isManaged && bySelector.length === 0 && seed.namespace !== settings.rootNamespace)
    return { overriding: [], warnings: plaintextCallers(scene, general, []) };
  const levels = [bySelector, ...general];
  const decided = targetsOf(scene).flatMap((port) => decisions(levels, port));
  const said = decided.flatMap((decision) => sentences(decision, scene));
  return {
    overriding: [...new Map(said.map((one) => [one.message, one])).values()],
    warnings: [...ignored.map((policy) => unheard(policy, scene)), ...plaintextCallers(scene, general, decided)],
  };
}

/**
 * How sidecars of callers speak to a Service is decided by its namespace and the root namespace alone, whatever its Pods ask for
 * (istio.io/istio pilot/pkg/model, BestEffortInferServiceMTLSMode).
 */
function plaintextCallers(scene: Scene, general: Levels['general'], said: readonly Decided[]): readonly Finding[] {
  if (scene.point !== 'sidecar' || scene.closed.length === 0 || said.some(({ mode }) => mode === 'DISABLE')) return [];
  const policies = decisions(general, undefined).flatMap(({ mode, by }) => (mode === 'DISABLE' && by ? [by] : []));
  return policies.map((policy) => mute(policy, scene));
}

interface Levels {
  /** More than one where nobody knows which is older. */
  readonly bySelector: readonly PeerAuthentication[];
  /** Of the namespace, and of the root namespace. */
  readonly general: readonly (readonly PeerAuthentication[])[];
  /** By selector, and younger than ours. */
  readonly ignored: readonly PeerAuthentication[];
}

function levelsOf(scene: Scene, look: MeshLook): Levels {
  const { seed, settings } = scene;
  const { rootNamespace } = settings;
  const isManaged = settings.mtls !== 'Unmanaged';
  const own = (look.get('peers', seed.namespace) ?? []).filter((policy) => isManaged || !isOurs(policy));
  const isGeneral = (policy: PeerAuthentication) => Object.keys(labelsOf(policy)).length === 0;
  const inRoot = (look.get('peers', rootNamespace) ?? []).filter(isGeneral);
  if (seed.namespace === rootNamespace) return { bySelector: [], general: [oldest(inRoot)], ignored: [] };
  const selecting = own.filter((policy) => !isGeneral(policy) && isSelected(labelsOf(policy), scene));
  const bySelector = oldest(selecting);
  const isOursAlone = bySelector.length > 0 && bySelector.every(isOurs);
  return {
    bySelector,
    general: [oldest(own.filter(isGeneral)), oldest(inRoot)],
    ignored: isOursAlone ? selecting.filter((policy) => !isOurs(policy)) : [],
  };
}

function labelsOf({ spec }: PeerAuthentication): Readonly<Record<string, string>> {
  return spec?.selector?.matchLabels ?? {};
}

/** Those of which it is not known that another one is older; files have no times. */
function oldest(policies: readonly PeerAuthentication[]): readonly PeerAuthentication[] {
  return policies.filter((policy) => !policies.some((other) => isOlder(other, policy)));
}

/** Those of one second by name, as Istio does. */
function isOlder({ metadata: a }: PeerAuthentication, { metadata: b }: PeerAuthentication): boolean {
  const [one, other] = [a.creationTimestamp ?? '', b.creationTimestamp ?? ''];
  if (one === '' || other === '') return false;
  return one === other ? a.name < b.name : one < other;
}

/** Of what is closed; undefined is a port whose number is not known. */
function targetsOf({ closed }: Scene): readonly (number | undefined)[] {
  const numbers = closed.flatMap(({ targets }): readonly (number | undefined)[] =>
    targets.length === 0 ? [undefined] : targets,
  );
  return [...new Set(numbers)];
}

interface Decided {
  readonly mode: MutualTlsMode;
  /** Undefined is Istio's default. */
  readonly by: PeerAuthentication | undefined;
  /** The first that Istio reads. */
  readonly first: PeerAuthentication | undefined;
}

function decisions(
  [level, ...rest]: readonly (readonly PeerAuthentication[])[],
  port: number | undefined,
): readonly Decided[] {
  if (level === undefined) return [{ mode: 'PERMISSIVE', by: undefined, first: undefined }];
  if (level.length === 0) return decisions(rest, port);
  return level.flatMap((policy) => {
    const mode = modeAt(policy, port);
    if (mode !== 'UNSET') return [{ mode, by: policy, first: policy }];
    return decisions(rest, port).map((next) => ({ ...next, first: policy }));
  });
}

function modeAt({ spec }: PeerAuthentication, port: number | undefined): MutualTlsMode {
  const whole = spec?.mtls?.mode ?? 'UNSET';
  const own = port === undefined ? undefined : spec?.portLevelMtls?.[String(port)]?.mode;
  return own === undefined || own === 'UNSET' ? whole : own;
}

/** Ambient takes DISABLE for PERMISSIVE. */
function sentences({ mode, by, first }: Decided, scene: Scene): readonly Sentence[] {
  const { point, settings, seed } = scene;
  if (point === 'sidecar' && mode === 'DISABLE' && by !== undefined) return [disabled(by, scene)];
  if (settings.mtls !== 'Strict' || mode === 'STRICT') return [];
  if (seed.namespace === settings.rootNamespace) return [unread(scene)];
  return first === undefined || isOurs(first) ? [] : [loose(first, scene)];
}

function disabled(policy: PeerAuthentication, { seed, settings }: Scene): Sentence {
  const { namespace } = policy.metadata;
  const isGeneral = Object.keys(labelsOf(policy)).length === 0;
  const all = namespace === settings.rootNamespace ? 'the whole mesh' : `all of namespace ${seed.namespace}`;
  const where = isGeneral ? `for ${all}, also ` : '';
  const so =
    'nobody has an identity there, so rules that ask for one admit nobody, and what gateways send by mTLS fails';
  return {
    message: `${nameOf(policy)} disables mTLS ${where}on a closed port of Service ${seed.key}: ${so}`,
    remedy:
      isGeneral && settings.mtls === 'Unmanaged'
        ? 'Make its mode STRICT or PERMISSIVE; spec.mesh.mtls: Strict at the ApiGateway would help what gateways send, and not callers inside'
        : 'Delete it, or make its mode STRICT',
  };
}

function loose(policy: PeerAuthentication, { seed }: Scene): Sentence {
  return {
    message: `${nameOf(policy)} lets Service ${seed.key} take plaintext on a closed port, for Istio reads the oldest alone of those that select it`,
    remedy: 'Delete it, or make its mode STRICT',
  };
}

function unread({ seed, settings }: Scene): Sentence {
  return {
    message: `Istio reads no PeerAuthentication with a selector in its root namespace ${settings.rootNamespace}, so Service ${seed.key} takes plaintext on a closed port`,
    remedy: 'Write one of mode STRICT without a selector there, or run the Service in another namespace',
  };
}

function unheard(policy: PeerAuthentication, { seed }: Scene): Finding {
  return {
    about: { kind: 'Service', namespace: seed.namespace, name: seed.services[0] ?? '' },
    severity: 'warning',
    reason: 'MeshConflict',
    at: '',
    message: `${nameOf(policy)} selects Pods of Service ${seed.key}, of which Istio reads the oldest PeerAuthentication alone, and that is Evengate's: what this one says of other ports does not hold`,
    remedy:
      'Take the Pods out of its selector, or write spec.mesh.mtls: Unmanaged at the ApiGateway and all modes in yours',
  };
}

function mute(policy: PeerAuthentication, { seed, settings }: Scene): Finding {
  const all = policy.metadata.namespace === settings.rootNamespace ? 'the whole mesh' : `namespace ${seed.namespace}`;
  return {
    about: { kind: 'Service', namespace: seed.namespace, name: seed.services[0] ?? '' },
    severity: 'warning',
    reason: 'MeshConflict',
    at: '',
    message: `${nameOf(policy)} disables mTLS for ${all}, so sidecars of callers speak plaintext to Service ${seed.key}: rules that ask for an identity admit none of them, and ports that take mTLS alone refuse all`,
    remedy: 'Make its mode STRICT or PERMISSIVE, or delete it',
  };
}

function nameOf(policy: PeerAuthentication): string {
  return `${describeRef(refOf(policy))}, which is not Evengate's,`;
}
