/** What Envoy says on stderr, made short enough to show, and free of the configuration that it likes to quote. */

/** Flags that make every message one line: `[level][component] text`, with its newlines escaped. */
export const logFlags: readonly string[] = [
  '--log-level',
  'warn',
  '--log-format',
  '[%l][%n] %v',
  '--log-format-escaped',
];

const longest = 1000;
const kept = 200;

/**
 * A line of Envoy's log without the resource it quotes (`goo.gle/debugstr … : reason`, or the file's whole text after
 * `Unable to parse JSON as proto (reason): `): that text may hold keys and passwords. At most 1,000 characters.
 */
export function readableLine(line: string): string {
  const quoted = line.indexOf('goo.gle/debug');
  const reason = line.lastIndexOf(': Proto constraint validation failed');
  let text = line;
  if (quoted >= 0) text = line.slice(0, quoted) + (reason > quoted ? line.slice(reason + 2) : '(resource not shown)');
  const content = /(Unable to parse (?:JSON|YAML) as proto \(.*?\)): \s*[{["'\\]/s.exec(text);
  if (content !== null) text = text.slice(0, content.index) + content[1];
  return unescaped(text).slice(0, longest);
}

function unescaped(text: string): string {
  const plain = text.replaceAll(/\\(.)/g, (_, letter: string) => (/[nrt]/.test(letter) ? ' ' : letter));
  // Protobuf varies the blanks in its messages from build to build on purpose.
  return plain.replaceAll(/\s+/g, ' ').trim();
}

/** The latest lines of one Envoy, for those who look back. */
export class EnvoyLog {
  readonly #lines: string[] = [];
  #count = 0;

  add(line: string): void {
    this.#count += 1;
    this.#lines.push(line);
    if (this.#lines.length > kept) this.#lines.shift();
  }

  /** A place in the log to hand to `since`. */
  mark(): number {
    return this.#count;
  }

  /** The lines after `mark` that are still kept (the latest 200). */
  since(mark: number): readonly string[] {
    const fresh = Math.min(this.#count - mark, this.#lines.length);
    return fresh > 0 ? this.#lines.slice(-fresh) : [];
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }
}
