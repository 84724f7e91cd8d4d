/** The log of commands that stay: on stderr, JSON for machines, one short line each for people. */
import { Writable } from 'node:stream';
import winston from 'winston';
import type { Output } from './io.ts';

export type LogFormat = 'json' | 'pretty';

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogFields {
  /** `namespace/name` of the ApiGateway that it is about. */
  readonly gateway?: string;
}

/** Pretty on a terminal, JSON elsewhere, unless `format` says which. */
export function createLog(output: Output, format: LogFormat = output.isTTY ? 'pretty' : 'json'): Log {
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      output.write(text);
      done();
    },
  });
  const { combine, timestamp, json } = winston.format;
  const logger = winston.createLogger({
    format:
      format === 'json' ? combine(timestamp(), json()) : combine(timestamp({ format: 'HH:mm:ss' }), pretty(output)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  return {
    info: (message, fields) => void logger.info(message, fields),
    warn: (message, fields) => void logger.warn(message, fields),
    error: (message, fields) => void logger.error(message, fields),
  };
}

const styles = { error: 'red', warn: 'yellow' } as const;

function pretty(output: Output): winston.Logform.Format {
  return winston.format.printf((entry) => {
    const { level, message, timestamp, gateway } = entry as Readonly<Record<string, unknown>>;
    const style = level === 'error' || level === 'warn' ? styles[level] : undefined;
    const words = [
      output.style('dim', String(timestamp)),
      ...(style === undefined ? [] : [output.style(style, String(level))]),
      ...(typeof gateway === 'string' ? [output.style('dim', gateway)] : []),
      String(message),
    ];
    return words.join(' ');
  });
}
