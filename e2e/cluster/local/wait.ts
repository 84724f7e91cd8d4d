/** Waiting for what nothing tells of. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Throws after the limit, naming what it waited for. */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  what: string,
  limitSeconds = 30,
): Promise<void> {
  const deadline = Date.now() + limitSeconds * 1000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitSeconds} s for ${what}`);
    await sleep(50);
  }
}
