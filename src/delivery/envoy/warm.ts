/** Acknowledged is not yet serving: a new cluster may be looking up names, a listener waiting for its files. */
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
const gauges = '^(listener_manager\\.total_listeners_warming|cluster_manager\\.warming_clusters)$';

export async function untilWarm({ admin, signal, clock = realClock }: WarmOptions): Promise<void> {
  const deadline = clock.monotonic() + limitMs;
  while (clock.monotonic() < deadline) {
    signal?.throwIfAborted();
    const warming = await admin.stats(gauges, 'Gauges').catch(() => new Map([['', 1]]));
    if ([...warming.values()].every((count) => Number(count) === 0)) return;
    await clock.sleep(pauseMs, signal);
  }
}
