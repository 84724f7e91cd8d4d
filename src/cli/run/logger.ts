/** The log of commands that stay: on stderr, JSON for machines, one short line each for people. */
import { systemClock } from '../../runtime/clock.ts';
import { createLog as createRuntimeLog, type LogLine } from '../../runtime/logger.ts';
import type { Output } from '../io.ts';

export type LogFormat = 'json' | 'pretty';

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = {
  /** `namespace/name` of the ApiGateway that it is about. */
  readonly gateway?: string;
};

/** Pretty on a terminal, JSON elsewhere, unless `format` says which. */
export function createLog(output: Output, format: LogFormat = output.isTTY ? 'pretty' : 'json'): Log {
  return createRuntimeLog({ output, clock: systemClock, format: format === 'json' ? 'json' : pretty(output) });
}

const styles = { error: 'red', warn: 'yellow' } as const;

function pretty(output: Output): (line: LogLine) => string {
  return ({ ts, level, msg, gateway }) => {
    const style = level === 'error' || level === 'warn' ? styles[level] : undefined;
    const words = [
      output.style('dim', new Date(ts).toTimeString().slice(0, 8)),
      ...(style === undefined ? [] : [output.style(style, level)]),
      ...(typeof gateway === 'string' ? [output.style('dim', gateway)] : []),
      msg,
    ];
    return words.join(' ');
  };
}
