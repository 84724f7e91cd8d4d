/** A conjunction as the proxy of a workload can hold it against a request: what cannot be said so is left out, and told. */
import { expressible } from '../../ir/istio-terms.ts';
import { observability } from '../../policy/attribute.ts';
import { type Conjunction, type Constraint, conjunction } from '../../policy/decision.ts';
import { intersectPatterns, type Pattern } from '../../policy/pattern.ts';
import { among } from './match-terms.ts';
import { isChanged, type Passage } from './passage.ts';
import { imageOf, movedPath } from './path-change.ts';
import { principalConstraint } from './principals.ts';

/**
 * Why a constraint does not hold there as it was written: only an edge sees it; the edge has changed it on the way; Istio has no
 * words for it; the proxy sees identities alone; or two sets of keys have one issuer.
 */
export type Loss = 'edge' | 'changed' | 'words' | 'layer' | 'keys';

export interface Lost {
  readonly constraint: Constraint;
  readonly why: Loss;
}

/** Who looks, and what it knows. */
export interface Sight {
  /** Identities and ports alone: ztunnel. */
  readonly layer4: boolean;
  readonly trustDomain: string;
  /** Ids of issuers that share their `iss` with another one of the workload. */
  readonly ambiguous: ReadonlySet<string>;
}

export interface Translated {
  /** Whatever held what was written holds this: it is wider where something is lost, and nowhere else. */
  readonly conjunction: Conjunction | 'empty';
  readonly lost: readonly Lost[];
}

/** `written` in normal form. */
export function translate(written: Conjunction, passage: Passage, sight: Sight): Translated {
  const known = remembered.get(written);
  if (known?.passage === passage && known.sight === sight) return known.translated;
  const { constraints, sources } = written;
  const parts = constraints.map((constraint) => translateOne(constraint, passage, sight));
  const image = sight.layer4 ? [] : imageOf(passage.path);
  // As most are: it need not be brought into normal form again.
  if (image.length === 0 && parts.every((part) => part === asWritten)) return oneSetEach(written);
  const all = parts.flatMap((part, index) => (part === asWritten ? (constraints[index] ?? []) : part.said));
  const said = oneSetEach(conjunction([...image, ...all], sources));
  const translated = { conjunction: said.conjunction, lost: [...parts.flatMap(({ lost }) => lost), ...said.lost] };
  remembered.set(written, { passage, sight, translated });
  return translated;
}

/** How it was asked for last, if it took work: who reports on a rule asks again. */
const remembered = new WeakMap<
  Conjunction,
  { readonly passage: Passage; readonly sight: Sight; readonly translated: Translated }
>();

interface Part {
  readonly said: readonly Constraint[];
  readonly lost: readonly Lost[];
}

/** The constraint itself, and nothing lost. */
const asWritten: Part = { said: [], lost: [] };

function translateOne(constraint: Constraint, passage: Passage, sight: Sight): Part {
  const { attribute } = constraint;
  switch (observability(attribute)) {
    case 'edge':
      return losing(constraint, 'edge');
    case 'mesh':
      return inWords(principalConstraint(constraint, sight.trustDomain), constraint);
    case 'portable':
      break;
  }
  if (sight.layer4) return losing(constraint, 'layer');
  if (attribute.kind === 'header' && isChanged(attribute.name, passage)) return losing(constraint, 'changed');
  if (attribute.kind === 'host' && passage.host === 'rewritten') return losing(constraint, 'changed');
  if (attribute.kind === 'issuer' && namesSome(constraint, sight.ambiguous)) {
    return losing(constraint, 'keys', [constraint]);
  }
  if (attribute.kind === 'host') return inWords(constraint, constraint, passage.port);
  if (attribute.kind !== 'path' || passage.path.kind === 'none') return inWords(constraint, constraint);
  const moved = movedPath(constraint, passage.path);
  const words = moved.constraint === undefined ? { said: [], lost: [] } : inWords(moved.constraint, constraint);
  return moved.exact ? words : losing(constraint, 'changed', words.said);
}

function losing(constraint: Constraint, why: Loss, said: readonly Constraint[] = []): Part {
  return { said, lost: [{ constraint, why }] };
}

function namesSome({ anyOf }: Constraint, ids: ReadonlySet<string>): boolean {
  return anyOf.some((pattern) => 'value' in pattern && ids.has(pattern.value));
}

/** Of what is refused, each pattern counts by itself; of what is wanted, all of them. `port`: of hosts, which may name it. */
function inWords(constraint: Constraint, written: Constraint, port?: number): Part {
  // Nobody is wanted: nothing to be said, and conjunction() knows it.
  if (constraint.anyOf.length === 0 || expressible(constraint)) {
    return constraint === written ? asWritten : { said: [constraint], lost: [] };
  }
  const lost: readonly Lost[] = [{ constraint: written, why: 'words' }];
  if (!constraint.negated) return { said: [], lost };
  const anyOf = constraint.anyOf
    .flatMap((pattern) => (constraint.attribute.kind === 'host' ? endings(pattern, port) : [pattern]))
    .filter((pattern) => expressible({ ...constraint, anyOf: [pattern] }));
  return { said: anyOf.length === 0 ? [] : [{ ...constraint, anyOf }], lost };
}

/** Of an ending with any port behind it: without one, and with the one that clients of the listener name. */
function endings(pattern: Pattern, port: number | undefined): readonly Pattern[] {
  if (pattern.kind !== 'suffix-any-port') return [pattern];
  const ports = port === undefined ? [''] : ['', `:${port}`];
  return ports.map((after) => ({ kind: 'suffix', value: `${pattern.value}${after}` }));
}

/** Istio has one list for each of these: of two that must both hold, the pairs that one pattern says make one. */
const listed: ReadonlySet<string> = new Set(['method', 'path', 'host']);

/** With one list of each where Istio has one; wider where something is lost. `normal` in normal form. */
export function oneSetEach(normal: Conjunction | 'empty'): Translated {
  if (normal === 'empty' || !normal.constraints.some(isAnother)) return { conjunction: normal, lost: [] };
  const kept = new Map<string, Constraint>();
  const lost: Lost[] = [];
  const rest: Constraint[] = [];
  for (const constraint of normal.constraints) {
    const { kind } = constraint.attribute;
    const before = kept.get(kind);
    if (constraint.negated || !listed.has(kind)) rest.push(constraint);
    else if (before === undefined) kept.set(kind, constraint);
    else {
      const { anyOf, exact } = pairs(before.anyOf, constraint.anyOf);
      kept.set(kind, among(constraint.attribute, anyOf));
      if (!exact) lost.push({ constraint, why: 'words' });
    }
  }
  return { conjunction: conjunction([...kept.values(), ...rest], normal.sources), lost };
}

/** Those of one attribute stand together, and what is wanted before what is not. */
function isAnother({ attribute, negated }: Constraint, index: number, all: readonly Constraint[]): boolean {
  return !negated && listed.has(attribute.kind) && all[index - 1]?.attribute.kind === attribute.kind;
}

/** An ending is told of many more places than a beginning. */
function narrower(one: Pattern, other: Pattern): Pattern {
  return one.kind === 'suffix' || one.kind === 'present' ? other : one;
}

/** A pair that no one pattern says stays as wide as one of the two. */
function pairs(
  left: readonly Pattern[],
  right: readonly Pattern[],
): { readonly anyOf: Pattern[]; readonly exact: boolean } {
  let exact = true;
  const anyOf = left.flatMap((one) =>
    right.flatMap((other): readonly Pattern[] => {
      const both = intersectPatterns(one, other);
      if (both === 'both') exact = false;
      return both === 'empty' ? [] : [both === 'both' ? narrower(one, other) : both];
    }),
  );
  return { anyOf, exact };
}
