/**
 * Whether Envoy has taken what it was told. Files have no ACK and no NACK, so the answer is in each subscription's stats:
 * `version_text` (the version_info last applied), `update_rejected` and `update_failure`.
 */
import { type Clock, realClock } from '../clock.ts';
import type { Admin } from './admin.ts';
import { type Rejection, rejectionsFrom } from './rejection.ts';

/** Envoy's stats names carry no colon (Utility::sanitizeStatsName in source/common/stats/utility.cc). */
function statName(name: string): string {
  return name.replaceAll(/:\/\/|:\/|:|\0/g, '_');
}

/** The stats root of each subscription: what names it in `waitForVersions`. */
export const subscription = {
  lds: 'listener_manager.lds',
  cds: 'cluster_manager.cds',
  /** `statPrefix`: of the HttpConnectionManager that asks for the route configuration. */
  rds: (statPrefix: string, routeConfig: string): string => `http.${statName(statPrefix)}.rds.${statName(routeConfig)}`,
  /** Filters of one name share their stats, so give each listener's its own. */
  ecds: (filter: string): string => `extension_config_discovery.http_filter.${statName(filter)}`,
  sds: (secret: string): string => `sds.${statName(secret)}`,
} as const;

/** What had been refused before a publication. */
export interface Before {
  /** Refusals so far, by subscription. */
  readonly refused: ReadonlyMap<string, number>;
  readonly mark: number;
}

/** Lines of one Envoy, of which those after a mark can be had. */
export interface ReasonLog {
  mark(): number;
  since(mark: number): readonly string[] | Promise<readonly string[]>;
}

/** For an Envoy that was started with the files in place. */
export const nothingBefore: Before = { refused: new Map(), mark: 0 };

export interface WaitOptions {
  readonly admin: Pick<Admin, 'stats'>;
  /** Subscription -> version_info. A version must never have been published before, or it proves nothing. */
  readonly expected: ReadonlyMap<string, string>;
  readonly before: Before;
  /** Where the reasons of a refusal are found. */
  readonly log?: ReasonLog;
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** For an Envoy of this machine when absent. */
  readonly pace?: LookPace;
  /** Ends the wait, by throwing its reason: when the process is gone. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export type Acknowledgement =
  | { readonly acknowledged: true }
  | {
      readonly acknowledged: false;
      /** Empty when Envoy did not answer in time. */
      readonly rejected: readonly Rejection[];
      /** Subscriptions neither taken nor refused. */
      readonly pending: readonly string[];
    };

/** Between looks: how long at first, and at most. */
export interface LookPace {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** An Envoy of this machine has the file at once. */
const localPace: LookPace = { firstMs: 5, longestMs: 50 };
const longestPauseMs = localPace.longestMs;
/** A refusal counts when it stands this long: Envoy may have read one file in the middle of the swap before. */
const settleMs = 100;
const counters =
  '^(listener_manager\\.lds|cluster_manager\\.cds|http\\..*\\.rds\\..*|extension_config_discovery\\..*|sds\\..*)' +
  '\\.(update_rejected|update_failure)$';

/** Take it before the files are swapped, and hand it to `waitForVersions` after. */
export async function stateBefore(admin: WaitOptions['admin'], log?: ReasonLog): Promise<Before> {
  return { refused: await refusals(admin), mark: log?.mark() ?? 0 };
}

/** Resolves when every subscription has its version, one is refused for good, or the time is up. */
export async function waitForVersions(options: WaitOptions): Promise<Acknowledgement> {
  const { clock = realClock } = options;
  const deadline = clock.monotonic() + (options.timeoutMs ?? 10_000);
  const refusal = new RefusalWatch(options);
  const { firstMs, longestMs } = options.pace ?? localPace;
  let pause = firstMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const pending = await pendingOf(options).catch(() => [...options.expected.keys()]);
    if (pending.length === 0) return { acknowledged: true };
    const refused = await refusal.look(pending).catch(() => []);
    const late = clock.monotonic() > deadline;
    if (refused.length > 0 || late) {
      const found = await answer(options, pending, refused);
      if (late || found.rejected.length > 0) return found;
      refusal.excuse();
    }
    await clock.sleep(pause, options.signal);
    pause = Math.min(pause * 1.5, longestMs);
  }
}

export async function pendingOf({
  admin,
  expected,
}: Pick<WaitOptions, 'admin' | 'expected'>): Promise<readonly string[]> {
  const seen = await admin.stats('\\.version_text$', 'TextReadouts');
  return [...expected].filter(([root, version]) => seen.get(`${root}.version_text`) !== version).map(([root]) => root);
}

async function answer(
  { log, before }: WaitOptions,
  pending: readonly string[],
  refused: readonly string[],
): Promise<Acknowledgement & { readonly acknowledged: false }> {
  const lines = refused.length === 0 ? [] : await log?.since(before.mark);
  const rejected = rejectionsFrom(refused, lines ?? []).filter(({ detail }) => !isOfMissingFile(detail));
  const told = new Set(rejected.map(({ subscription: root }) => root));
  return { acknowledged: false, rejected, pending: pending.filter((root) => !told.has(root)) };
}

/**
 * A listener that drains goes on reading its files after they are gone, and its subscriptions share their stats with those
 * of its successor: nothing that is there was refused.
 */
function isOfMissingFile(detail: string): boolean {
  return detail !== '' && detail.split('; ').every((reason) => /^in \S+, Invalid path: /.test(reason));
}

/** Counters cost Envoy a walk over all its stats (0.35 s at 10,000 clusters), so they are read more rarely the more they cost. */
class RefusalWatch {
  readonly #options: WaitOptions;
  readonly #clock: Clock;
  #next: number;
  #firstSeen: number | undefined;
  #before: ReadonlyMap<string, number>;
  #now: ReadonlyMap<string, number> = new Map();

  constructor(options: WaitOptions) {
    this.#options = options;
    this.#before = options.before.refused;
    this.#clock = options.clock ?? realClock;
    this.#next = this.#clock.monotonic() + longestPauseMs / 2;
  }

  /** Those of `pending` that Envoy has refused since `before`, once that has stood for a while. */
  async look(pending: readonly string[]): Promise<readonly string[]> {
    const started = this.#clock.monotonic();
    if (started < this.#next) return [];
    this.#now = await refusals(this.#options.admin);
    const ended = this.#clock.monotonic();
    this.#next = ended + Math.max(longestPauseMs / 2, 4 * (ended - started));
    const refused = pending.filter((root) => isMore(this.#before.get(root) ?? 0, this.#now.get(root) ?? 0));
    if (refused.length === 0) return [];
    this.#firstSeen ??= ended;
    return ended - this.#firstSeen >= settleMs ? refused : [];
  }

  /** What was counted so far counts no more. */
  excuse(): void {
    this.#before = this.#now;
    this.#firstSeen = undefined;
  }
}

/** A subscription that was made anew counts from zero again. */
function isMore(before: number, now: number): boolean {
  return now > before || (now > 0 && now < before);
}

async function refusals(admin: WaitOptions['admin']): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const [name, value] of await admin.stats(counters, 'Counters')) {
    const root = name.slice(0, name.lastIndexOf('.'));
    found.set(root, (found.get(root) ?? 0) + Number(value));
  }
  return found;
}
