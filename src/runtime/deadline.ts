/** Work with an end. */
import { ApiError } from '../kube/client.ts';
import type { Clock } from './clock.ts';

/** Nobody looks at it, and an error of its own for each call would cost a stack trace. */
const done = new Error('done');

export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  /** What is waited for: `GET /api/v1/pods at https://10.96.0.1:443`. */
  readonly about: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs the work with a signal that is aborted, with an ApiError `Timeout` as its reason, when time is up, or when the given
 * signal is, with its reason. The work must heed it.
 */
export async function withDeadline<T>(deadline: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { clock, ms, about, signal } = deadline;
  const timeUp = () => new ApiError(`${about}: no answer within ${ms / 1000} s`, { reason: 'Timeout' });
  const both = new AbortController();
  const over = new AbortController();
  const relay = () => both.abort(signal?.reason);
  if (signal?.aborted === true) relay();
  signal?.addEventListener('abort', relay, { once: true });
  clock.sleep(ms, over.signal).then(
    () => both.abort(timeUp()),
    () => undefined,
  );
  try {
    return await work(both.signal);
  } finally {
    signal?.removeEventListener('abort', relay);
    over.abort(done);
  }
}
