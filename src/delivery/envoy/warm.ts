/**
 * Acknowledged is not yet serving: a new cluster may be looking up names, a listener waiting for its files. Nor is a
 * certificate that is acknowledged loaded: Envoy takes for known what it has refused before, when it reads it again
 * (source/common/secret/sds_api.cc). What a listener serves by has a gauge; so has one whose key alone was refused.
 */
import { type Clock, realClock } from '../clock.ts';
import type { Admin } from './admin.ts';

export interface WarmOptions {
  readonly admin: Pick<Admin, 'stats'>;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** How long changed listeners and clusters get until they serve; they go on warming if it is not enough. */
const limitMs = 5000;
const pauseMs = 10;
const warming = 'listener_manager\\.total_listeners_warming|cluster_manager\\.warming_clusters';
const certificate = 'listener\\..*?\\.ssl\\.certificate\\.(.+)\\.expiration_unix_time_seconds';
const gauges = `^(${warming}|${certificate})$`;

/** Returns the names of certificates that listeners have looked into; undefined when Envoy did not answer. */
export async function untilWarm({
  admin,
  signal,
  clock = realClock,
}: WarmOptions): Promise<ReadonlySet<string> | undefined> {
  const deadline = clock.monotonic() + limitMs;
  let seen: ReadonlyMap<string, number | string> | undefined;
  while (clock.monotonic() < deadline) {
    signal?.throwIfAborted();
    seen = await admin.stats(gauges, 'Gauges').catch(() => seen);
    if (seen !== undefined && isWarm(seen)) break;
    await clock.sleep(pauseMs, signal);
  }
  return seen && new Set([...seen.keys()].flatMap((name) => new RegExp(`^${certificate}$`).exec(name)?.[1] ?? []));
}

function isWarm(seen: ReadonlyMap<string, number | string>): boolean {
  return [...seen].every(([name, count]) => !new RegExp(`^(${warming})$`).test(name) || Number(count) === 0);
}
