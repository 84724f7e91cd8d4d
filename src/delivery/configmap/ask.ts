/** Whether one Envoy in a pod has taken what is in place. */
import type { Clock } from '../clock.ts';
import { type Before, type LookPace, pendingOf, stateBefore, waitForVersions } from '../envoy/acknowledge.ts';
import type { StatType } from '../envoy/admin.ts';
import { rejectionsFrom } from '../envoy/rejection.ts';
import { untilWarm } from '../envoy/warm.ts';
import {
  type Content,
  filesOf,
  isCertificate,
  isOfCertificate,
  type Refusal,
  rootOf,
  secretOf,
} from '../publication/content.ts';
import { refusalsOf } from '../publication/refusals.ts';
import type { EdgePod, PodAccess } from './contract.ts';
import { readableLines } from './pod-log.ts';

export type Outcome =
  /** All but these certificates, which it cannot load. */
  | { readonly kind: 'serves'; readonly unusable: readonly Unusable[]; readonly refused: Before['refused'] }
  | { readonly kind: 'late'; readonly pending: readonly string[] }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] }
  /** It has not taken it, and it has refused something before we looked. */
  | { readonly kind: 'unsure' };

/** A certificate that an Envoy did not load when it was told; the rest goes on without it. */
export interface Unloaded extends Refusal {
  readonly version: string;
  /** It had another one, and serves by that on. */
  readonly served: boolean;
}

export interface Unusable extends Unloaded {
  /** Its file is there at least: it has looked into one, this or another. */
  readonly shown: boolean;
}

export interface Question {
  readonly pod: EdgePod;
  readonly content: Content;
  /** Of `content`, but for `unusable`. */
  readonly expected: ReadonlyMap<string, string>;
  /** Undefined where it was not looked at before the content was placed. */
  readonly before: Before | undefined;
  /** Those that it is known to refuse as they are; nobody waits for them. */
  readonly unusable: readonly Unloaded[];
  /** By stats root: it has loaded one before. */
  readonly hasLoaded: (root: string) => boolean;
  /** That many refusals say nothing against what it has acknowledged last. */
  readonly isSound: (root: string, refused: number) => boolean;
  /** How long it may take. */
  readonly patienceMs: number;
  /** Called when it turns out not to have the content yet. */
  readonly onPending: () => void;
  readonly signal: AbortSignal;
}

export interface Asker {
  readonly access: PodAccess;
  readonly clock: Clock;
}

/** A pod with a past that nobody knows is not waited for as long: what it refused then may be what it refuses now. */
const unsurePatienceMs = 2000;
/** For a refusal whose reason cannot be found. */
const silent = 'its log does not say why';

export async function ask(asker: Asker, question: Question): Promise<Outcome> {
  if (question.before !== undefined) return wait(asker, question, question.before);
  const first = await look(asker, question);
  if (first === undefined) return wait(asker, question, { refused: new Map(), mark: asker.clock.monotonic() });
  if (first.pending.length === 0) return serves(asker, question);
  if (first.never.length > 0) {
    const { rest, others } = apart(question, await reasons(asker, question, first.never), () => false);
    return rest === undefined ? { kind: 'refused', refusals: others } : ask(asker, rest);
  }
  const suspicious = first.pending.some((root) => (first.before.refused.get(root) ?? 0) > 0);
  const patienceMs = suspicious ? Math.min(unsurePatienceMs, question.patienceMs) : question.patienceMs;
  const outcome = await wait(asker, { ...question, patienceMs }, first.before);
  if (outcome.kind !== 'late' || !suspicious) return outcome;
  const stuck = outcome.pending.filter((root) => (first.before.refused.get(root) ?? 0) > 0);
  const { rest } = apart(question, await reasons(asker, question, stuck), () => true);
  return rest !== undefined && stuck.length === outcome.pending.length ? ask(asker, rest) : { kind: 'unsure' };
}

interface Apart {
  /** Undefined where more than certificates was refused, or nothing. */
  readonly rest: Question | undefined;
  readonly others: readonly Refusal[];
}

/** The question without the certificates among what was refused. */
function apart(question: Question, refusals: readonly Refusal[], serves = question.hasLoaded): Apart {
  const others = refusals.filter((refusal) => !isCertificate(refusal));
  if (others.length > 0 || refusals.length === 0) return { rest: undefined, others };
  const found = unloadedOf(question, refusals, serves);
  const roots = new Set(found.map(({ file }) => rootOf(file)));
  const expected = new Map([...question.expected].filter(([root]) => !roots.has(root)));
  return { rest: { ...question, expected, unusable: [...question.unusable, ...found] }, others };
}

function unloadedOf({ expected }: Question, refusals: readonly Refusal[], serves: Question['hasLoaded']) {
  return refusals.map((refusal): Unloaded => {
    const root = rootOf(refusal.file);
    return { ...refusal, version: expected.get(root) ?? '', served: serves(root) };
  });
}

/** One look, for an Envoy that is not Ready: whether it refuses what it has started with. */
export async function refusedAtStart(asker: Asker, question: Question): Promise<readonly Refusal[]> {
  const first = await look(asker, question);
  if (first === undefined || first.never.length === 0) return [];
  const refusals = await reasons(asker, question, first.never);
  return refusals.filter((refusal) => !isCertificate(refusal));
}

/** Undefined when it cannot be reached. */
export async function beforeOf({ access, clock }: Asker, pod: EdgePod): Promise<Before | undefined> {
  return stateBefore(adminOf(access, pod), logOf({ access, clock }, pod)).catch(() => undefined);
}

/** A kubelet takes a tenth of a second, or a whole one when it was asked just before; each look costs both sides CPU. */
const pace: LookPace = { firstMs: 40, longestMs: 250 };

async function wait(asker: Asker, question: Question, before: Before): Promise<Outcome> {
  question.onPending();
  return attend(asker, question, before);
}

async function attend(asker: Asker, question: Question, before: Before): Promise<Outcome> {
  const { pod, content, expected, signal, patienceMs } = question;
  const answer = await waitForVersions({
    admin: adminOf(asker.access, pod),
    log: logOf(asker, pod),
    before,
    expected,
    timeoutMs: patienceMs,
    pace,
    signal,
    clock: asker.clock,
  });
  if (answer.acknowledged) return serves(asker, question);
  if (answer.rejected.length === 0) return { kind: 'late', pending: answer.pending };
  const { rest, others } = apart(question, refusalsOf(content, answer).map(withReason));
  return rest === undefined ? { kind: 'refused', refusals: others } : attend(asker, rest, before);
}

/** It has acknowledged all; also what it refused when it read it first, which its counters and gauges tell. */
async function serves(asker: Asker, question: Question): Promise<Outcome> {
  const { pod, content, expected, signal, unusable } = question;
  const admin = adminOf(asker.access, pod);
  const shown = await untilWarm({ admin, signal, clock: asker.clock });
  const certificates = filesOf(content).filter((file) => isCertificate({ file }));
  if (certificates.length === 0) return { kind: 'serves', unusable: [], refused: new Map() };
  const before = await stateBefore(admin).catch(() => undefined);
  if (shown === undefined || before === undefined) return { kind: 'late', pending: certificates.map(rootOf) };
  const { refused } = before;
  const roots = certificates.map(rootOf).filter((root) => expected.has(root));
  const doubtful = roots.filter((root) => !question.isSound(root, refused.get(root) ?? 0));
  const blamed = doubtful.length === 0 ? [] : await reasons(asker, question, doubtful);
  const found = unloadedOf(
    question,
    blamed.filter((refusal) => isUnloaded(refusal, shown)),
    question.hasLoaded,
  );
  const all = [...unusable, ...found].map((one): Unusable => {
    const isShown = shown.has(secretOf(one.file));
    return { ...one, served: one.served && isShown, shown: isShown };
  });
  return { kind: 'serves', unusable: all, refused };
}

/** Envoy shows a certificate also whose key it refused; of a file that was not there it shows nothing. */
function isUnloaded({ file, detail }: Refusal, shown: ReadonlySet<string>): boolean {
  return !shown.has(secretOf(file)) || isOfCertificate({ kind: 'lds', detail });
}

interface Look {
  readonly pending: readonly string[];
  /** Refused by an Envoy that never had any other content for it. */
  readonly never: readonly string[];
  readonly before: Before;
}

async function look(asker: Asker, { pod, expected }: Question): Promise<Look | undefined> {
  const admin = adminOf(asker.access, pod);
  try {
    const pending = await pendingOf({ admin, expected });
    if (pending.length === 0) return { pending, never: [], before: { refused: new Map(), mark: 0 } };
    const versions = await admin.stats('\\.version_text$', 'TextReadouts');
    const before = await stateBefore(admin, logOf(asker, pod));
    const isNew = (root: string) => (versions.get(`${root}.version_text`) ?? '') === '';
    return { pending, before, never: pending.filter((root) => isNew(root) && (before.refused.get(root) ?? 0) > 0) };
  } catch {
    return undefined;
  }
}

/** From all that its log still has. */
async function reasons({ access }: Asker, { pod, content }: Question, roots: readonly string[]) {
  const lines = readableLines(await access.log(pod, wholeLogSeconds).catch(() => []));
  const rejected = rejectionsFrom(roots, lines);
  return refusalsOf(content, { acknowledged: false, rejected, pending: [] }).map(withReason);
}

const wholeLogSeconds = 24 * 3600;

function withReason(refusal: Refusal): Refusal {
  return refusal.detail === '' ? { ...refusal, detail: silent } : refusal;
}

function adminOf(access: PodAccess, pod: EdgePod) {
  return { stats: (filter: string, type: StatType = 'TextReadouts') => access.stats(pod, filter, type) };
}

/** A mark is a moment. */
function logOf({ access, clock }: Asker, pod: EdgePod) {
  return {
    mark: () => clock.monotonic(),
    since: async (mark: number) => {
      const seconds = Math.ceil((clock.monotonic() - mark) / 1000) + 1;
      return readableLines(await access.log(pod, seconds).catch(() => []));
    },
  };
}
