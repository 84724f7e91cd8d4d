/** A Log whose lines tests can read. */
import { type Clock, systemClock } from '../runtime/clock.ts';
import { createLog, type Log, type LogLevel } from '../runtime/logger.ts';

export interface LogLines {
  readonly log: Log;
  /** Without the time. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

export function logLines(clock: Clock = systemClock, level: LogLevel = 'info'): LogLines {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const write = (text: string) => {
    const { ts, ...line } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (ts !== undefined) lines.push(line);
  };
  return { log: createLog({ output: { write }, clock, level }), lines };
}
