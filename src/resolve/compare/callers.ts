/** Who may call: the decisions of two guards, compared over the requests that both are asked about. */
import type { RouteEntry } from '../../ir/gateway.ts';
import type { Guard, Shadow } from '../../ir/guard.ts';
import { attributeKey } from '../../policy/attribute.ts';
import { admitNobody, type Conjunction, type Constraint, conjunction, type Decision } from '../../policy/decision.ts';
import { edgeDecision } from '../../policy/planes.ts';
import { gained } from '../../policy/subtract.ts';
import { canonical } from './answers.ts';
import { ofBareHosts } from './hosts-of-policies.ts';
import { bySigner, isAmbiguous, signersOf } from './issuers.ts';
import type { Region } from './region.ts';
import type { Difference, Effect } from './types.ts';

type Entry = RouteEntry | undefined;

/** The requests that are asked about, as far as these attributes say it; hosts with any port where policies name some. */
export type Where = (relevant: ReadonlySet<string>, ports: boolean) => Conjunction | 'empty';

/** Remembers guards: most entries share theirs. */
export class Callers {
  readonly #known = new WeakMap<Guard, Admission>();
  readonly #changes = new Map<string, Change>();
  readonly #numbers = new Map<string, number>();

  compare(before: Entry, after: Entry, where: Where): Difference | undefined {
    const [old, now] = [this.admission(before), this.admission(after)];
    if (old.key === now.key) return undefined;
    const change = this.#change(old, now, where);
    const effect = effectOf(change);
    if (effect !== undefined) return { what: 'callers', effect, ...change };
    // Nobody before and nobody now, but told so in another way: 404, 403 or 500.
    return old.kind === now.kind ? undefined : { what: 'callers', effect: 'differs' };
  }

  admission(entry: Entry): Admission {
    if (entry === undefined) return nowhere;
    if (entry.rule.blocked !== undefined || entry.guard.kind === 'blocked') return blocked;
    const known = this.#known.get(entry.guard) ?? admissionOf(entry.guard);
    this.#known.set(entry.guard, known);
    return known;
  }

  #change(old: Admission, now: Admission, where: Where): Change {
    const anywhere = this.#within(old, now, everything);
    if (anywhere.gained.length + anywhere.lost.length === 0) return anywhere;
    // What neither decision looks at is left out, so that one answer serves for many regions.
    const relevant = new Set([...old.attributes, ...now.attributes]);
    const region = where(relevant, old.bare === undefined || now.bare === undefined);
    return region === 'empty' ? { gained: [], lost: [] } : this.#within(old, now, region);
  }

  #within(old: Admission, now: Admission, where: Conjunction): Change {
    const key = `${this.#number(old)} ${this.#number(now)} ${JSON.stringify(where.constraints)}`;
    const known = this.#changes.get(key) ?? changeOf(old, now, where);
    this.#changes.set(key, known);
    return known;
  }

  #number({ key }: Admission): number {
    const number = this.#numbers.get(key) ?? this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }
}

export interface Admission {
  readonly kind: 'nowhere' | 'blocked' | 'guarded';
  readonly decision: Decision;
  /** For hosts without port; undefined where a policy names a port. */
  readonly bare: Decision | undefined;
  /** Keys of what it looks at. */
  readonly attributes: ReadonlySet<string>;
  /** Equal for equal admissions; the converse need not hold. */
  readonly key: string;
  readonly ambiguous: boolean;
}

const nobody = { decision: admitNobody, bare: admitNobody, attributes: new Set<string>(), ambiguous: false };
const nowhere: Admission = { kind: 'nowhere', key: 'nowhere', ...nobody };
const blocked: Admission = { kind: 'blocked', key: 'blocked', ...nobody };
const everything: Conjunction = { constraints: [], sources: [] };

interface Change {
  readonly gained: readonly Conjunction[];
  readonly lost: readonly Conjunction[];
}

function admissionOf(guard: Extract<Guard, { readonly kind: 'guarded' }>): Admission {
  const decision = bySigner(edgeDecision(guard.decision), guard.issuers);
  const ambiguous = isAmbiguous(guard.issuers);
  const order = ambiguous ? canonical(guard.issuers.map(signersOf)) : '';
  const constraints = [...decision.deny, ...decision.allow].flatMap((one) => one.constraints);
  const attributes = new Set(constraints.map(({ attribute }) => attributeKey(attribute)));
  return {
    kind: 'guarded',
    decision,
    bare: ofBareHosts(decision),
    attributes,
    key: `${decisionKey(decision)}${order}`,
    ambiguous,
  };
}

function decisionKey({ deny, allow }: Decision): string {
  return canonical([deny, allow].map((list) => list.map(({ constraints }) => constraints)));
}

function changeOf(old: Admission, now: Admission, where: Conjunction): Change {
  // Nobody knows here which keys are where, so everything may be.
  if (old.ambiguous || now.ambiguous) return { gained: [where], lost: [where] };
  const both = old.bare === undefined || now.bare === undefined ? undefined : ([old.bare, now.bare] as const);
  const [was, is] = both ?? [old.decision, now.decision];
  return { gained: gained(was, is, [where]), lost: gained(is, was, [where]) };
}

function effectOf({ gained: more, lost }: Change): Effect | undefined {
  if (more.length > 0) return lost.length > 0 ? 'shifts' : 'opens';
  return lost.length > 0 ? 'closes' : undefined;
}

/** What is only counted. */
export function shadowDiffers(before: Entry, after: Entry): boolean {
  return shadowKey(before) !== shadowKey(after);
}

function shadowKey(entry: Entry): string {
  const shadow: Shadow | undefined = entry?.guard.kind === 'guarded' ? entry.guard.shadow : undefined;
  if (shadow === undefined) return '';
  return `${decisionKey(bySigner(edgeDecision(shadow.decision), shadow.issuers))}${isAmbiguous(shadow.issuers) ? '!' : ''}`;
}

/** The requests of a region in the words of policies, as far as those say it and the `relevant` attributes go. */
export function conjunctionAt(
  host: string,
  { paths, method, headers }: Region,
  relevant: ReadonlySet<string>,
  ports: boolean,
): Conjunction | 'empty' {
  const constraints: Constraint[] = [];
  const add = (attribute: Constraint['attribute'], anyOf: Constraint['anyOf']) => {
    if (relevant.has(attributeKey(attribute))) constraints.push({ attribute, negated: false, anyOf });
  };
  const anyPort: Constraint['anyOf'] = ports ? [{ kind: 'prefix', value: `${host}:` }] : [];
  if (host.startsWith('*.'))
    add({ kind: 'host' }, [{ kind: ports ? 'suffix-any-port' : 'suffix', value: host.slice(1) }]);
  else if (host !== '*') add({ kind: 'host' }, [exact(host), ...anyPort]);
  for (const { type, value } of paths) {
    if (type === 'Exact') add({ kind: 'path' }, [exact(value)]);
    if (type === 'PathPrefix' && value !== '/') {
      add({ kind: 'path' }, [exact(value), { kind: 'prefix', value: `${value}/` }]);
    }
  }
  if (method !== undefined) add({ kind: 'method' }, [exact(method)]);
  for (const { name, type, value } of headers) if (type === 'Exact') add({ kind: 'header', name }, [exact(value)]);
  return conjunction(constraints, []);
}

function exact(value: string): Constraint['anyOf'][number] {
  return { kind: 'exact', value };
}
