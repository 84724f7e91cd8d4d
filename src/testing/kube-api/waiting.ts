/** Waits for conditions, which most often come true at a known set of moments. */

export interface Waiting {
  /** Now something may have changed. */
  readonly poll: () => void;
  /** Rejects after 20 s, so that a test that waits in vain says for what. */
  readonly until: (what: string, condition: () => boolean) => Promise<void>;
}

const patienceMs = 20_000;
const pulseMs = 5;

export function waiting(): Waiting {
  const waiters = new Set<() => void>();
  let due = false;
  const pollAll = () => {
    due = false;
    for (const waiter of waiters) waiter();
  };
  return {
    poll: () => {
      // After the change is complete, not in its midst.
      if (waiters.size === 0 || due) return;
      due = true;
      setImmediate(pollAll);
    },
    until: (what, condition) => {
      if (condition()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const settle = (end: () => void) => {
          waiters.delete(check);
          clearTimeout(timer);
          clearInterval(pulse);
          end();
        };
        const check = () => {
          try {
            if (condition()) settle(resolve);
          } catch (error) {
            settle(() => reject(error));
          }
        };
        const timer = setTimeout(() => settle(() => reject(new Error(`never: ${what}`))), patienceMs);
        // What a client makes of an answer is no moment of the server's.
        const pulse = setInterval(check, pulseMs);
        waiters.add(check);
      });
    },
  };
}
