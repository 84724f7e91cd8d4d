/** Waiting for a cluster, which tells nobody when it is done. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** 60 s when absent. */
  readonly timeoutMs?: number;
  /** 50 ms when absent. */
  readonly everyMs?: number;
}

/**
 * The first answer of `look` that is neither undefined nor false. Rejects with `what` did not come, and with what
 * `seen` shows then.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  { timeoutMs = 60_000, everyMs = 50, seen }: Patience & { readonly seen?: () => unknown } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) {
      const shown = seen === undefined ? '' : `; last seen:\n${JSON.stringify(await seen(), undefined, 1)}`;
      throw new Error(`${what}: not after ${timeoutMs / 1000} s${shown}`);
    }
    await sleep(everyMs);
  }
}
