/** Where a workload does not hold a rule as it was written, rule by rule. */
import type { Guard, Policy } from '../../ir/guard.ts';
import type { MeshReason } from '../../ir/mesh.ts';
import type { ObjectRef } from '../../kube/object.ts';
import { observability } from '../../policy/attribute.ts';
import type { Conjunction, Constraint } from '../../policy/decision.ts';
import { formatPattern } from '../../policy/pattern.ts';
import { eastWest, namesIdentity } from '../../policy/planes.ts';
import { writtenFor } from './east-west.ts';
import { inForce } from './lens.ts';
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

type Guarded = Extract<Guard, { readonly kind: 'guarded' }>;

export function notesOf(scene: Scene): readonly Note[] {
  const seen = new Map<string, Note>();
  const isFirst = firstTime<Guard, Passage>();
  const notes = [
    ...sightsOf(scene).flatMap((sight) => doorNotes(sight, scene, isFirst)),
    ...takenForOthers(scene).flatMap(mistakenNotes),
    ...enforcedServicePolicies(scene).flatMap((policy) => insideNotes(policy, directly, scene, () => true)),
  ];
  for (const note of notes) seen.set(noteKey(note), note);
  return [...seen.values()];
}

function noteKey({ policy, rule, reason, about }: Note): string {
  return `${ruleKey(policy, rule)} ${reason} ${about}`;
}

function ruleKey({ namespace, name }: ObjectRef, rule: string): string {
  return `${namespace}/${name} ${rule}`;
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
  const own = entry.guard.parts.flatMap(({ policy, on }) => [
    ...atDoor.map((about): Note => ({ policy: policy.ref, rule: '', reason: 'PartlyAtEdge', about })),
    ...(isNew ? outsideNotes(policy, passage, scene) : []),
    ...(isNew && on !== 'service' ? insideNotes(policy, passage, scene, counts) : []),
    ...(on === 'service' ? [] : unsaidNotes(policy, unsaid)),
  ]);
  return [...own, ...besideNotes(door, entry.guard, scene)];
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

function unsaidNotes({ decision }: Policy, about: string | undefined): readonly Note[] {
  if (about === undefined) return [];
  // A deny that never fires inside is no wider for it.
  return [...decision.allow, ...eastWest({ allow: [], deny: decision.deny }).deny]
    .filter(namesIdentity)
    .flatMap((one) => noted(one, 'NotTranslatable', about));
}

/** Of callers whom a Route names: what is lost of its match, and of what other rules ask of them as well. */
function besideNotes({ reached }: Door, guard: Guarded, scene: Scene): readonly Note[] {
  const naming = guard.parts.flatMap(({ policy, on }) => (on === 'service' ? [] : namingRules(policy)));
  const decision = naming.length === 0 ? undefined : inForce.routes(guard);
  const written = decision === undefined || decision === 'too-complex' ? decision : writtenFor(reached, decision);
  if (written === undefined || written === 'too-complex') return [];
  const all = [...written.allow, ...written.deny].flatMap((one) => lossNotes(one, reached.passage, scene));
  if (all.length === 0) return [];
  const rules = new Set(naming.flatMap(({ sources }) => sources.map(({ policy, rule }) => ruleKey(policy, rule))));
  const own = naming.flatMap((one) => lossNotes(one, reached.passage, scene));
  const known = new Set(own.map(noteKey));
  const abouts = new Set(own.map(({ about }) => about));
  return all
    .filter((note) => rules.has(ruleKey(note.policy, note.rule)) && !known.has(noteKey(note)))
    .map((note) => (abouts.has(note.about) ? note : asBeside(note)));
}

function namingRules({ decision }: Policy): readonly Conjunction[] {
  return [...decision.allow, ...decision.deny].filter(namesIdentity);
}

function asBeside(note: Note): Note {
  if (note.reason === 'NormalizationMismatch') return note;
  const about = `${note.about} (asked by its Route or another rule)`;
  return note.reason === 'NotObservable' ? { ...note, about, remedy: seenByWaypoints } : { ...note, about };
}

const seenByWaypoints =
  'Put a waypoint before the workload (spec.mesh.waypoint of the ApiGateway), or name the callers by their identity alone in a policy on the Service';

/** Of requests through the edge. */
function outsideNotes({ decision }: Policy, passage: Passage, { inside }: Scene): readonly Note[] {
  return [...decision.allow, ...decision.deny]
    .filter((one) => !namesIdentity(one))
    .flatMap((one) =>
      translate(one, passage, inside).lost.flatMap((lost) => noted(one, 'PartlyAtEdge', describe(lost))),
    );
}

/** Of callers inside the mesh. */
function insideNotes(
  { decision }: Policy,
  passage: Passage,
  scene: Scene,
  counts: (one: Conjunction, list: 'allow' | 'deny') => boolean,
): readonly Note[] {
  const { allow, deny } = eastWest(decision);
  const unheard = decision.allow.filter(
    (one) => namesIdentity(one) && !eastWest({ allow: [one], deny: [] }).allow.length,
  );
  const hidden = unheard.flatMap((one) => noted(one, 'NotObservable', seenByGateways(one)));
  const counting = [...allow.filter((one) => counts(one, 'allow')), ...deny.filter((one) => counts(one, 'deny'))];
  return [...hidden, ...counting.flatMap((one) => lossNotes(one, passage, scene))];
}

function lossNotes(written: Conjunction, passage: Passage, { inside, settings }: Scene): readonly Note[] {
  const { conjunction: said, lost } = translate(written, passage, inside);
  const notes = lost.flatMap((each) => {
    const found = noted(written, each.why === 'layer' ? 'NotObservable' : 'NotTranslatable', describe(each));
    return each.why === 'keys' ? found.map((note) => ({ ...note, remedy: oneSetOfKeys })) : found;
  });
  const untrusted = !inside.trustsPaths && said !== 'empty' && said.constraints.some(isPath);
  return untrusted ? [...notes, ...noted(written, 'NormalizationMismatch', normalising(settings))] : notes;
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

function noted({ sources }: Conjunction, reason: Note['reason'], about: string): readonly Note[] {
  return sources.map(({ policy, rule }) => ({ policy, rule, reason, about }));
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
