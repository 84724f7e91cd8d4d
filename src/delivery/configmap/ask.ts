/** Whether one Envoy in a pod has taken what is in place. */
import type { Clock } from '../clock.ts';
import { type Before, type LookPace, pendingOf, stateBefore, waitForVersions } from '../envoy/acknowledge.ts';
import type { StatType } from '../envoy/admin.ts';
import { rejectionsFrom } from '../envoy/rejection.ts';
import { untilWarm } from '../envoy/warm.ts';
import type { Content, Refusal } from '../publication/content.ts';
import { refusalsOf } from '../publication/refusals.ts';
import type { EdgePod, PodAccess } from './contract.ts';
import { readableLines } from './pod-log.ts';

export type Outcome =
  | { readonly kind: 'serves' | 'late' }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] }
  /** It has not taken it, and it has refused something before we looked. */
  | { readonly kind: 'unsure' };

export interface Question {
  readonly pod: EdgePod;
  readonly content: Content;
  /** Of `content`. */
  readonly expected: ReadonlyMap<string, string>;
  /** Undefined where it was not looked at before the content was placed. */
  readonly before: Before | undefined;
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
  if (first.never.length > 0) return { kind: 'refused', refusals: await reasons(asker, question, first.never) };
  const suspicious = first.pending.some((root) => (first.before.refused.get(root) ?? 0) > 0);
  const patienceMs = suspicious ? Math.min(unsurePatienceMs, question.patienceMs) : question.patienceMs;
  const outcome = await wait(asker, { ...question, patienceMs }, first.before);
  return outcome.kind === 'late' && suspicious ? { kind: 'unsure' } : outcome;
}

/** One look, for an Envoy that is not Ready: whether it refuses what it has started with. */
export async function refusedAtStart(asker: Asker, question: Question): Promise<readonly Refusal[]> {
  const first = await look(asker, question);
  return first === undefined || first.never.length === 0 ? [] : reasons(asker, question, first.never);
}

/** Undefined when it cannot be reached. */
export async function beforeOf({ access, clock }: Asker, pod: EdgePod): Promise<Before | undefined> {
  return stateBefore(adminOf(access, pod), logOf({ access, clock }, pod)).catch(() => undefined);
}

/** A kubelet takes a tenth of a second, or a whole one when it was asked just before; each look costs both sides CPU. */
const pace: LookPace = { firstMs: 40, longestMs: 250 };

async function wait(asker: Asker, question: Question, before: Before): Promise<Outcome> {
  const { pod, content, expected, signal, patienceMs } = question;
  question.onPending();
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
  if (answer.rejected.length === 0) return { kind: 'late' };
  return { kind: 'refused', refusals: refusalsOf(content, answer).map(withReason) };
}

async function serves({ access, clock }: Asker, { pod, signal }: Question): Promise<Outcome> {
  await untilWarm({ admin: adminOf(access, pod), signal, clock });
  return { kind: 'serves' };
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
