/** Lines of an Envoy's container, in the format of `envoyArguments`. */
import { readableLine } from '../envoy/log.ts';

/** As `EnvoyLog` has them: `[level][logger] message`, free of quoted configuration. */
export function readableLines(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => (line === '' ? [] : [readableLine(plain(line))]));
}

function plain(line: string): string {
  const entry = parsed(line);
  if (entry !== undefined) return `[${entry.level}][${entry.logger}] ${entry.message}`;
  // Cut by whoever kept it.
  const [, level = '', logger = '', message = ''] = cut.exec(line) ?? [];
  return message === '' ? line : `[${level}][${logger}] ${message}`;
}

const cut = /^\{"time":"[^"]*","level":"([^"]*)","logger":"([^"]*)","message":"(.*)$/s;

interface Entry {
  readonly level: string;
  readonly logger: string;
  readonly message: string;
}

function parsed(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, logger, message } = JSON.parse(line) as Partial<Record<keyof Entry, unknown>>;
    return typeof message === 'string' ? { level: String(level), logger: String(logger), message } : undefined;
  } catch {
    return undefined;
  }
}
