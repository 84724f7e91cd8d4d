/** AbortSignals as promises. */
import type { Clock } from './clock.ts';

/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => onAbort(signal, resolve));
}

/** Calls at once where it has happened. */
export function onAbort(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', () => act(), { once: true });
}

/** Sleeps for so long, or until the signal is aborted; true when the time has passed. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(Math.max(ms, 0), signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** What the work gives, or the error that `limitMs` or `stop` abort it with; also when it does not heed its signal. */
export async function within<T>(
  limit: { readonly clock: Clock; readonly ms: number; readonly stop?: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const cut = new AbortController();
  const finished = new AbortController();
  const stopped = () => cut.abort(limit.stop?.reason);
  if (limit.stop?.aborted) stopped();
  limit.stop?.addEventListener('abort', stopped, { once: true });
  void pause(limit.clock, limit.ms, finished.signal).then((passed) => {
    if (passed) cut.abort(new Error(`no answer in ${Math.round(limit.ms)} ms`));
  });
  try {
    const late = aborted(cut.signal).then(() => Promise.reject(cut.signal.reason));
    return await Promise.race([work(cut.signal), late]);
  } finally {
    finished.abort();
    limit.stop?.removeEventListener('abort', stopped);
  }
}
