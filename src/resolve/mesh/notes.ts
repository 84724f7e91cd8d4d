/** Where a workload does not hold a rule as it was written, rule by rule. */
import type { Guard, Policy } from '../../ir/guard.ts';
import type { MeshReason } from '../../ir/mesh.ts';
import type { ObjectRef } from '../../kube/object.ts';
import { observability } from '../../policy/attribute.ts';
import type { Conjunction, Constraint } from '../../policy/decision.ts';
import { formatPattern } from '../../policy/pattern.ts';
import { eastWest, namesIdentity } from '../../policy/planes.ts';
import { directly, type Passage } from './passage.ts';
import type { Door, Scene } from './scene.ts';
import { type DoorSight, type Mistaken, sightsOf, takenForOthers } from './taken-for.ts';
import { type Lost, translate } from './translate.ts';

export interface Note {
  readonly policy: ObjectRef;
  /** '' is each of them. */
  readonly rule: string;
  readonly reason: Extract<MeshReason, 'PartlyAtEdge' | 'NotObservable' | 'NotTranslatable' | 'NormalizationMismatch'>;
  /** What the rule is about: `client addresses`. */
  readonly about: string;
  /** Where it is not what is to be done for that reason. */
  readonly remedy?: string;
}

export function notesOf(scene: Scene): readonly Note[] {
  const seen = new Map<string, Note>();
  const isFirst = firstTime<Guard, Passage>();
  const notes = [
    ...sightsOf(scene).flatMap((sight) => doorNotes(sight, scene, isFirst)),
    ...takenForOthers(scene).flatMap(mistakenNotes),
    ...enforcedServicePolicies(scene).flatMap((policy) => insideNotes(policy, directly, scene, () => true)),
  ];
  for (const note of notes) {
    seen.set(`${note.policy.namespace}/${note.policy.name} ${note.rule} ${note.reason} ${note.about}`, note);
  }
  return [...seen.values()];
}

export function enforcedServicePolicies({ ports }: Scene): readonly Policy[] {
  return [...new Set(ports.flatMap(({ policies }) => policies.filter(({ mode }) => mode === 'Enforce')))];
}

/** Whether nobody has asked so before: what is said of one guard and one passage is the same at each door. */
function firstTime<A, B>(): (a: A, b: B) => boolean {
  const asked = new Map<A, Set<B>>();
  return (a, b) => {
    const before = asked.get(a) ?? new Set();
    const isFirst = !before.has(b);
    asked.set(a, before.add(b));
    return isFirst;
  };
}

function doorNotes(
  sight: DoorSight,
  scene: Scene,
  isFirst: (guard: Guard, passage: Passage) => boolean,
): readonly Note[] {
  const { door } = sight;
  const { entry, passage } = door.reached;
  if (entry.guard.kind === 'blocked' || entry.rule.blocked !== undefined) return [];
  const atDoor = [...new Set([...sight.opaque, ...sight.lost.map(describe)])];
  const unsaid = insideUnsaid(door);
  const isNew = isFirst(entry.guard, passage);
  // Whom one of them lets in by name, all of them refuse what they refuse to everybody.
  const named = entry.guard.decision.allow.some(namesIdentity);
  const counts = (one: Conjunction, list: 'allow' | 'deny') => namesIdentity(one) || (named && list === 'deny');
  return entry.guard.parts.flatMap(({ policy, on }) => [
    ...atDoor.map((about): Note => ({ policy: policy.ref, rule: '', reason: 'PartlyAtEdge', about })),
    ...(isNew ? outsideNotes(policy, passage, scene) : []),
    ...(isNew && on !== 'service' ? insideNotes(policy, passage, scene, counts) : []),
    ...(on === 'service' ? [] : unsaidNotes(policy, unsaid)),
  ]);
}

/** The policies of what is refused: of a broken one nothing else is said. */
function mistakenNotes({ door }: Mistaken): readonly Note[] {
  const { guard } = door.reached.entry;
  const about = 'what tells a request from those of another rule';
  const { because } = guard.kind === 'blocked' ? guard : { because: undefined };
  const broken = because?.about.kind === 'AuthPolicy' ? [because.about] : [];
  const policies = guard.kind === 'blocked' ? broken : guard.policies;
  return policies.map((policy) => ({ policy, rule: '', reason: 'PartlyAtEdge', about }));
}

function insideUnsaid({ reached }: Door): string | undefined {
  const taken = reached.taken();
  return taken !== 'too-complex' && taken.opaque.length > 0 ? taken.opaque.join(' and ') : undefined;
}

function unsaidNotes({ ref, decision }: Policy, about: string | undefined): readonly Note[] {
  if (about === undefined) return [];
  return decision.allow.filter(namesIdentity).flatMap((one) => noted(ref, one, 'NotTranslatable', about));
}

/** Of requests through the edge. */
function outsideNotes({ ref, decision }: Policy, passage: Passage, { inside }: Scene): readonly Note[] {
  return [...decision.allow, ...decision.deny]
    .filter((one) => !namesIdentity(one))
    .flatMap((one) =>
      translate(one, passage, inside).lost.flatMap((lost) => noted(ref, one, 'PartlyAtEdge', describe(lost))),
    );
}

/** Of callers inside the mesh. */
function insideNotes(
  { ref, decision }: Policy,
  passage: Passage,
  { inside, settings }: Scene,
  counts: (one: Conjunction, list: 'allow' | 'deny') => boolean,
): readonly Note[] {
  const { allow, deny } = eastWest(decision);
  const unheard = decision.allow.filter(
    (one) => namesIdentity(one) && !eastWest({ allow: [one], deny: [] }).allow.length,
  );
  const hidden = unheard.flatMap((one) => noted(ref, one, 'NotObservable', seenByGateways(one)));
  const counting = [...allow.filter((one) => counts(one, 'allow')), ...deny.filter((one) => counts(one, 'deny'))];
  const losses = counting.flatMap((one) => {
    const { conjunction: said, lost } = translate(one, passage, inside);
    const notes = lost.flatMap((each) => {
      const found = noted(ref, one, each.why === 'layer' ? 'NotObservable' : 'NotTranslatable', describe(each));
      return each.why === 'keys' ? found.map((note) => ({ ...note, remedy: oneSetOfKeys })) : found;
    });
    const untrusted = !inside.trustsPaths && said !== 'empty' && said.constraints.some(isPath);
    return untrusted ? [...notes, ...noted(ref, one, 'NormalizationMismatch', normalising(settings))] : notes;
  });
  return [...hidden, ...losses];
}

const oneSetOfKeys = 'Let all AuthPolicies that reach the Service name the same keys for the issuer';

/** What keeps callers inside the mesh from being heard. */
function seenByGateways({ constraints }: Conjunction): string {
  const unseen = constraints.filter(({ attribute, negated }) => !negated && observability(attribute) === 'edge');
  return [...new Set(unseen.map(nounOf))].toSorted().join(' and ');
}

function isPath({ attribute }: Constraint): boolean {
  return attribute.kind === 'path';
}

function normalising({ normalises }: Scene['settings']): string {
  return normalises === undefined
    ? 'nobody knows whether the mesh normalises paths as the gateway does'
    : 'the mesh normalises paths less than the gateway';
}

function noted(policy: ObjectRef, { sources }: Conjunction, reason: Note['reason'], about: string): readonly Note[] {
  return sources.map(({ rule }) => ({ policy, rule, reason, about }));
}

function describe({ constraint, why }: Lost): string {
  const what = nounOf(constraint);
  switch (why) {
    case 'edge':
      return what;
    case 'changed':
      return `${what}, changed on the way`;
    case 'words':
      return `${what} such as ${example(constraint)}`;
    case 'layer':
      return what;
    case 'keys':
      return 'an issuer that has several sets of keys here';
  }
}

function example({ anyOf }: Constraint): string {
  const [first] = anyOf.toSorted((a, b) => Number(b.kind === 'suffix-any-port') - Number(a.kind === 'suffix-any-port'));
  return first === undefined ? '' : formatPattern(first);
}

function nounOf({ attribute }: Constraint): string {
  switch (attribute.kind) {
    case 'directIp':
    case 'remoteIp':
      return 'client addresses';
    case 'clientCertificate':
      return 'client certificates';
    case 'header':
      return `header ${attribute.name}`;
    case 'claim':
      return `claim ${attribute.path.join('.')}`;
    case 'issuer':
      return 'tokens';
    case 'serviceAccount':
    case 'namespace':
    case 'principal':
      return 'identities';
    case 'method':
    case 'path':
    case 'host':
      return `${attribute.kind}s`;
  }
}
