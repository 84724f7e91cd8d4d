/** What a workload enforces of each policy, in sentences. */
import type { Guard } from '../../ir/guard.ts';
import type { EnforcementPoint, MeshReason, MeshReport } from '../../ir/mesh.ts';
import { keyOf, type ObjectRef } from '../../kube/object.ts';
import type { Finding, Reason } from '../../status/finding.ts';
import { type Note, notesOf } from './notes.ts';
import type { Door, Scene } from './scene.ts';
import { isClosed } from './taken-for.ts';

/** What is true of the whole workload, whatever its rules. */
export interface Verdict {
  readonly reason: Extract<MeshReason, 'NotEnrolled' | 'TooComplex' | 'Overridden' | 'Conflicted' | 'Shadow'>;
  readonly message: string;
  readonly remedy: string;
}

/** Policies in force, then those that are only counted. */
export interface Concerned {
  readonly enforced: readonly ObjectRef[];
  readonly counted: readonly ObjectRef[];
}

export function concernedBy(scene: Scene): Concerned {
  const doors = scene.doors.filter((door) => isClosed(door, scene));
  const guards = new Set(doors.map(({ reached }) => reached.entry.guard));
  const atDoors = policiesAt(doors);
  const counting = [...guards].flatMap(countedBy);
  const behind = scene.ports.flatMap(({ policies }) => policies);
  const inMode = (mode: string) => behind.filter((policy) => policy.mode === mode).map(({ ref }) => ref);
  return {
    enforced: distinct([...atDoors, ...inMode('Enforce')]),
    counted: distinct([...counting, ...inMode('Shadow')]),
  };
}

/** Policies in mode Shadow, also those that come to too much to be counted. */
export function countedBy(guard: Guard): readonly ObjectRef[] {
  if (guard.kind === 'blocked') return [];
  return [...(guard.shadow?.policies ?? []), ...(guard.uncounted ?? []).map(({ about }) => about)];
}

function distinct(refs: readonly ObjectRef[]): readonly ObjectRef[] {
  const byKey = new Map(refs.map((ref) => [keyOf(ref.namespace, ref.name), ref]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, ref]) => ref);
}

/** `uncounted`: what policies in mode Shadow would decide is too much to be said. */
export function reportsOf(scene: Scene, verdicts: readonly Verdict[], uncounted = false): readonly MeshReport[] {
  const { enforced, counted } = concernedBy(scene);
  const nobody = verdicts.some(({ reason }) => reason === 'TooComplex' || reason === 'Conflicted');
  const notes = Map.groupBy(nobody ? [] : notesOf(scene), ({ policy }) => keyOf(policy.namespace, policy.name));
  const report = (policy: ObjectRef, rest: Said): MeshReport => ({
    policy,
    workload: scene.seed.key,
    point: scene.point,
    ...rest,
  });
  const whole = (policy: ObjectRef) => verdicts.map((verdict) => report(policy, { ...verdict, rules: [] }));
  const noted = (policy: ObjectRef) =>
    (notes.get(keyOf(policy.namespace, policy.name)) ?? [])
      .reduce(byReason, [])
      .map((one) => report(policy, summary(one, scene)));
  const broken = distinct([...notes.values()].flatMap((list) => list.map(({ policy }) => policy)));
  const isEnforced = new Set(enforced.map((policy) => keyOf(policy.namespace, policy.name)));
  return [
    ...enforced.flatMap((policy) => {
      const own = [...whole(policy), ...noted(policy)];
      return own.length === 0 ? [report(policy, full)] : own;
    }),
    ...broken.filter((policy) => !isEnforced.has(keyOf(policy.namespace, policy.name))).flatMap(noted),
    ...counted.flatMap((policy) => [...whole(policy), report(policy, uncounted ? notCounted : onlyCounted)]),
    ...policiesAt(scene.shut).map((policy) => report(policy, shut(scene))),
  ];
}

function policiesAt(doors: readonly Door[]): readonly ObjectRef[] {
  const guards = doors.map(({ reached }) => reached.entry.guard);
  return distinct(guards.flatMap((guard) => (guard.kind === 'blocked' ? [] : guard.policies)));
}

function shut({ denied, doors, seed }: Scene): Said {
  const [first = ''] = doors.map(({ reached }) => reached.gateway).toSorted();
  const message = `ApiGateway ${denied.join(', ')} has another mode, trust domain or waypoint in spec.mesh than ApiGateway ${first}, which reaches Service ${seed.key} as well, so what comes through it is refused`;
  return { reason: 'Conflicted', rules: [], message, remedy: sameMesh };
}
export const sameMesh = 'Give both ApiGateways the same mesh';

const full = { reason: 'Full', rules: [], message: '' } as const;
const onlyCounted = {
  reason: 'Shadow',
  rules: [],
  message: 'it is in mode Shadow: what it would refuse is counted (istio.io/dry-run)',
} as const;

const notCounted = {
  reason: 'Shadow',
  rules: [],
  message:
    'it is in mode Shadow, but with it the rules come to more than 512 conjunctions, or more than an object of Istio holds: nothing is counted',
  remedy: 'Name fewer alternatives, or try policies out one after the other',
} as const;

function byReason(groups: readonly (readonly Note[])[], note: Note): readonly (readonly Note[])[] {
  const same = groups.find(([first]) => first?.reason === note.reason);
  return same === undefined ? [...groups, [note]] : groups.map((group) => (group === same ? [...group, note] : group));
}

type Said = Pick<MeshReport, 'reason' | 'rules' | 'message' | 'remedy'>;

function summary(notes: readonly Note[], { point }: Scene): Said {
  const [first] = notes;
  const reason = first?.reason ?? 'NotTranslatable';
  const all = notes.some(({ rule }) => rule === '');
  const rules = all ? [] : [...new Set(notes.map(({ rule }) => rule))].toSorted();
  const abouts = [...new Set(notes.map(({ about }) => about))].toSorted();
  const whose = all ? 'all rules' : `${rules.length === 1 ? 'rule' : 'rules'} ${rules.join(', ')}`;
  const said = { reason, rules, message: `${whose}: ${sentences[reason](abouts.join('; '))}` };
  if (reason === 'PartlyAtEdge') return said;
  const own = notes.map(({ remedy = remedies[reason](point) }) => remedy);
  return { ...said, remedy: [...new Set(own)].join('. ') };
}

const inside = 'so inside the mesh nobody is admitted by it, and what it may refuse is refused';

const sentences: Readonly<Record<Note['reason'], (about: string) => string>> = {
  PartlyAtEdge: (about) => `the gateway alone decides by ${about}; the mesh checks all else, of the gateway's identity`,
  NotObservable: (about) => `no proxy of the mesh sees ${about}, ${inside}`,
  NotTranslatable: (about) => `Istio has no words for ${about}, ${inside}`,
  NormalizationMismatch: (about) => `${about}, ${inside}`,
};

const remedies: Readonly<Record<Exclude<Note['reason'], 'PartlyAtEdge'>, (point: EnforcementPoint) => string>> = {
  NotObservable: (point) =>
    point === 'ztunnel'
      ? 'Name callers by their identity alone, or put a waypoint before the workload (spec.mesh.waypoint of the ApiGateway)'
      : 'Take it out of rules that name callers inside the mesh, who do not come by a gateway',
  NotTranslatable: () =>
    'Write it with exact values, prefixes or suffixes, or name the callers in a policy on the Service',
  NormalizationMismatch: () =>
    'Set pathNormalization DECODE_AND_MERGE_SLASHES in MeshConfig, and let it be read, or leave paths out of rules for callers inside the mesh',
};

/** What a policy's author has to know. */
export function ruleFindings(reports: readonly MeshReport[]): readonly Finding[] {
  return reports.flatMap(({ policy, reason, message, remedy = '', workload }) => {
    if (!isFindable(reason)) return [];
    return [
      {
        about: policy,
        severity: 'error' as const,
        reason,
        at: 'spec.authorize',
        message: `at Service ${workload}, ${message}`,
        remedy,
      },
    ];
  });
}

function isFindable(reason: MeshReason): reason is Exclude<Note['reason'], 'PartlyAtEdge'> & Reason {
  return reason === 'NotObservable' || reason === 'NotTranslatable' || reason === 'NormalizationMismatch';
}
