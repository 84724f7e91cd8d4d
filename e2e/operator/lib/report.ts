/** What a test measured, on stderr, where a person looks for it. */
import process from 'node:process';
import type { Traffic } from './traffic.ts';

export function report(title: string, traffic: Traffic): void {
  const counts = [...traffic.counts].map(([what, count]) => `${what} ×${count}`).toSorted((a, b) => (a < b ? -1 : 1));
  say(`${title}: ${traffic.rate().toFixed(0)} answers/s, ${traffic.failures.length} wrong; ${counts.join(', ')}`);
}

export function say(line: string): void {
  process.stderr.write(`e2e: ${line}\n`);
}
