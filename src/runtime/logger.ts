/** The log of a process that stays: a JSON object a line for machines, a line of words for people. */
import { Writable } from 'node:stream';
import winston from 'winston';
import type { Clock } from './clock.ts';
import { redact, redactText } from './redact.ts';

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** `error` may be anything thrown; of an Error its message is logged, and its stack at level debug only. */
export type LogFields = Readonly<Record<string, unknown>> & { readonly logger?: string; readonly error?: unknown };

export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** For fields that cost something to make. */
  enabled(level: LogLevel): boolean;
  /** Adds the fields to every line; names of `logger` are joined: `controller.route`. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly output: { write(text: string): unknown };
  readonly clock: Clock;
  /** `json` when absent; or how to write a line, without its end. */
  readonly format?: 'json' | 'text' | ((line: LogLine) => string);
  /** `info` when absent. */
  readonly level?: LogLevel;
}

/** `ts` is ISO 8601. What every line has comes first, in this order. */
export type LogLine = { readonly ts: string; readonly level: LogLevel; readonly msg: string } & LogFields;

const formats = { json: JSON.stringify, text: textOf };

export function createLog({ output, clock, format = 'json', level = 'info' }: LogOptions): Log {
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      output.write(text);
      done();
    },
  });
  const shape: (line: LogLine) => string = typeof format === 'function' ? format : formats[format];
  const logger = winston.createLogger({
    level,
    levels: Object.fromEntries(logLevels.map((name, rank) => [name, rank])),
    format: winston.format.printf((info) => shape(info['line'] as LogLine)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  const enabled = (asked: LogLevel) => logLevels.indexOf(asked) <= logLevels.indexOf(level);
  const write = (asked: LogLevel, message: string, fields: LogFields) => {
    if (!enabled(asked)) return;
    const ts = new Date(clock.now()).toISOString();
    const line = { ts, level: asked, msg: redactText(message), ...cleanFields(fields, level) };
    logger.log({ level: asked, message: '', line });
  };
  return logOf({ write, enabled }, {});
}

interface Sink {
  readonly write: (level: LogLevel, message: string, fields: LogFields) => void;
  readonly enabled: (level: LogLevel) => boolean;
}

function logOf(sink: Sink, own: LogFields): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    sink.write(level, message, fields === undefined ? own : merge(own, fields));
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    enabled: sink.enabled,
    child: (fields) => logOf(sink, merge(own, fields)),
  };
}

function merge(own: LogFields, more: LogFields): LogFields {
  const names = [own.logger, more.logger].filter((name) => name !== undefined);
  return { ...own, ...more, ...(names.length > 0 ? { logger: names.join('.') } : {}) };
}

/** `logger` before the rest. A field does not take the place of one that every line has. */
function cleanFields(fields: LogFields, level: LogLevel): Readonly<Record<string, unknown>> {
  const { logger, error, ts, level: ownLevel, msg, ...rest } = fields;
  const stack = level === 'debug' && error instanceof Error ? error.stack : undefined;
  const all = {
    logger,
    ...rest,
    ...(ts === undefined ? {} : { ts_: ts }),
    ...(ownLevel === undefined ? {} : { level_: ownLevel }),
    ...(msg === undefined ? {} : { msg_: msg }),
    error,
    stack,
  };
  const present = Object.entries(all).filter(([, value]) => value !== undefined);
  return redact(Object.fromEntries(present)) as Readonly<Record<string, unknown>>;
}

/** `10:15:00.123 warn  controller.route: could not write key=shop/orders error="…"` */
function textOf({ ts, level, msg, logger, stack, ...fields }: LogLine): string {
  const words = Object.entries(fields).map(([name, value]) => `${name}=${wordOf(value)}`);
  const name = typeof logger === 'string' ? `${logger}: ` : '';
  const trace = typeof stack === 'string' ? `\n${stack}` : '';
  return [ts.slice(11, 23), level.padEnd(5), `${name}${msg}`, ...words].join(' ') + trace;
}

function wordOf(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@,+-]+$/.test(value) ? value : JSON.stringify(value);
}
