/** Findings folded into conditions: the one place where a status says how an object is doing. */
import type { Condition } from '../kube/object.ts';
import { type Finding, type Reason, reasons } from './finding.ts';

/** Conditions that findings, delivery or an author of a status decide, beside Ready and kstatus' two. */
export type ConditionType = 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'EdgeEnforced' | 'MeshEnforced';

/** A condition that its author knows, without the generation, which every condition has alike. */
export type Verdict = Omit<Condition, 'type' | 'observedGeneration'>;

/** Of a kind: the conditions that it has, and what decides those that findings do not. */
export type Owned = Readonly<Partial<Record<ConditionType, Verdict | 'from findings'>>>;

/** What the Envoys of one gateway were told, and what they answered. */
export interface Delivery {
  /** Content hash of what they were told. */
  readonly revision: string;
  /** Undefined: nobody has answered. `loaded` of `ready` Envoys serve the revision. */
  readonly envoys?: { readonly loaded: number; readonly ready: number };
  /** Names of listeners that no Envoy has a certificate of; undefined for none. */
  readonly shut?: readonly string[];
  /** Why an Envoy refuses the revision. */
  readonly rejected?: string;
  /** What stands in the way of more Envoys; sentences without a full stop. */
  readonly remarks?: readonly string[];
}

/** meta/v1 Condition allows no more. */
const longestMessage = 32_768;

/**
 * Each owned condition, Ready, and kstatus' Reconciling or Stalled where they are true; sorted by type, without times.
 * Findings of a severity below error turn no condition false but Ready: what has no effect as written is not ready. `beside`
 * are conditions that Ready does not wait for.
 */
export function conditionsFor(
  owned: Owned,
  findings: readonly Finding[],
  generation: number | undefined,
  beside: Owned = {},
): readonly Condition[] {
  const parts = partsOf(owned, findings);
  const others = partsOf(beside, findings);
  const found = readiness(parts, findings.filter(isAboutReady));
  const lacking = others.filter(isAmiss);
  const ready = found.status === 'True' && lacking.length > 0 ? { ...found, message: elsewhere(lacking) } : found;
  return withGeneration([...parts, ...others, ready, ...progress(ready, stalledBy(owned, findings))], generation);
}

function elsewhere(parts: readonly Part[]): string {
  const types = parts.map(({ type }) => type).toSorted();
  return `All else is in effect; ${types.join(' and ')} tells what is not.`;
}

/** Shadow does what it was asked for. */
function isAmiss({ status, reason }: Verdict): boolean {
  return status !== 'True' && reason !== 'Shadow';
}

/**
 * What no other object mends by coming to be: kstatus takes Stalled for a failure that is final, and objects that are
 * applied together come in any order.
 */
function stalledBy({ Accepted }: Owned, findings: readonly Finding[]): Verdict | undefined {
  if (Accepted !== 'from findings') return Accepted?.status === 'False' ? Accepted : undefined;
  return refusal(findings.filter(({ reason }) => reasons[reason].condition === 'Accepted' && !mayCome.has(reason)));
}

const mayCome: ReadonlySet<Reason> = new Set(['NoMatchingParent', 'TargetNotFound']);

/** What the parts of an object repeat is shorter, or many parts would outgrow what the API server stores. */
const longestPartMessage = 1024;

/** As `conditionsFor`, without a summary: for the parts of an object (a parent, a listener). */
export function partConditions(
  owned: Owned,
  findings: readonly Finding[],
  generation: number | undefined,
): readonly Condition[] {
  const parts = partsOf(owned, findings).map((part) => ({ ...part, message: cut(part.message, longestPartMessage) }));
  return withGeneration(parts, generation);
}

type Part = Verdict & { readonly type: string };

function partsOf(owned: Owned, findings: readonly Finding[]): readonly Part[] {
  return Object.entries(owned).map(([type, verdict]) => {
    if (verdict !== 'from findings') return { type, ...verdict };
    const own = findings.filter(({ reason }) => reasons[reason].condition === type);
    return { type, ...(refusal(own) ?? { status: 'True', reason: type, message: satisfied[type] ?? '' }) };
  });
}

/** False for the first error by field path, with every error's sentence; undefined without any. */
export function refusal(findings: readonly Finding[]): Verdict | undefined {
  const errors = findings.filter(({ severity }) => severity === 'error').toSorted(compareFindings);
  const [first] = errors;
  if (first === undefined) return undefined;
  return { status: 'False', reason: first.reason, message: lines(errors.map(sentenceOf)) };
}

/** A sentence each, with its remedy, sorted by field path. */
export function linesOf(findings: readonly Finding[]): readonly string[] {
  return [...new Set(findings.toSorted(compareFindings).map(sentenceOf))];
}

const satisfied: Readonly<Record<string, string>> = {
  Accepted: 'The object is valid.',
  ResolvedRefs: 'Every reference is resolved.',
};

function isAboutReady({ reason }: Finding): boolean {
  return reasons[reason].condition === 'Ready';
}

/** What keeps the object from being ready, the worst first. */
function readiness(parts: readonly Part[], findings: readonly Finding[]): Part {
  const broken = parts.filter((part) => part.status === 'False' && isAmiss(part));
  const why = findings.toSorted(compareFindings);
  const reason = broken[0]?.reason ?? why[0]?.reason;
  if (reason !== undefined) {
    const message = lines([...broken.flatMap((part) => part.message.split('\n')), ...why.map(sentenceOf)]);
    return { type: 'Ready', status: 'False', reason, message };
  }
  const unknown = parts.filter(({ status }) => status === 'Unknown');
  const [first] = unknown;
  if (first === undefined) return { type: 'Ready', status: 'True', reason: 'Ready', message: 'All is in effect.' };
  return {
    type: 'Ready',
    status: 'Unknown',
    reason: first.reason,
    message: lines(unknown.map((part) => part.message)),
  };
}

/** kstatus reads both as bad news when present, and neither may be true beside a true Ready; at most one is. */
function progress(ready: Part, stalled: Verdict | undefined): readonly Part[] {
  if (stalled !== undefined) return [{ ...stalled, type: 'Stalled', status: 'True' }];
  if (ready.status === 'Unknown') return [{ ...ready, type: 'Reconciling', status: 'True' }];
  return [];
}

function withGeneration(parts: readonly Part[], generation: number | undefined): readonly Condition[] {
  return parts
    .map(({ type, status, reason, message }) => ({
      type,
      status,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      reason,
      message,
    }))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
}

/** Programmed: Envoy has loaded it. Undefined where nothing was delivered. */
export function programmed(delivery: Delivery | undefined): Verdict {
  const pending = { status: 'Unknown', reason: 'Pending' } as const;
  if (delivery === undefined) return { ...pending, message: 'Not delivered' };
  const { revision, envoys, rejected, remarks = [] } = delivery;
  if (rejected !== undefined) return { status: 'False', reason: 'Rejected', message: cut(rejected, longestMessage) };
  if (envoys === undefined) return { ...pending, message: 'Not delivered' };
  const count = `${envoys.loaded}/${envoys.ready} Envoys serve revision ${revision}`;
  const message = cut([count, ...remarks].join('; '), longestMessage);
  const all = envoys.ready > 0 && envoys.loaded === envoys.ready;
  return all ? { status: 'True', reason: 'Programmed', message } : { ...pending, message };
}

/** By field path, numbers as numbers: `rules[2]` precedes `rules[10]`. */
function compareFindings(a: Finding, b: Finding): number {
  return comparePaths(a.at, b.at) || compareText(a.reason, b.reason) || compareText(a.message, b.message);
}

function comparePaths(a: string, b: string): number {
  const left = a.split(/(\d+)/);
  const right = b.split(/(\d+)/);
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = index % 2 === 1 ? Number(part) - Number(other) : compareText(part, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function sentenceOf({ at, message, remedy }: Finding): string {
  return `${at === '' ? '' : `${at}: `}${message}. ${remedy}.`;
}

function lines(all: readonly string[]): string {
  return cut([...new Set(all)].join('\n'), longestMessage);
}

/** With `…` at its end where it was longer, in UTF-16 units; never within a character. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).replace(/\p{Cs}$/u, '')}…`;
}
