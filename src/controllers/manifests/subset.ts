/**
 * A fast reader for the YAML that manifests are written in (block maps and lists, one-line scalars, `|`, flow, JSON).
 * It either agrees with the `yaml` package or declines; declining is always safe, as the package then decides.
 */

import { coreWords, Declined, readLiteral, resolvePlain, trimTrailing, unescapeJson } from './scalars.ts';

export const declined: unique symbol = Symbol('declined');

const maxDepth = 64;
const plainKey = /(?:([A-Za-z_][\w./-]*)|"([^"\\\n]*)"|'([^'\n]*)') *:(?=[ \n]|$)/y;
const flowKey = /(?:([A-Za-z_][\w./-]*) *:(?=[ \n])|"([^"\\\n]*)" *:|'([^'\n]*)' *:)/y;
const plainStart = /[A-Za-z0-9_./+~$(^;\\]|-[^ \n]/y;

/** The value of one document, or `declined`. */
export function readSubset(text: string): unknown {
  // Tabs, carriage returns and control characters have rules of their own; manifests rarely have any.
  if (/(?!\n)[\p{Cc}\ufeff]/u.test(text)) return declined;
  try {
    return new SubsetReader(text).document();
  } catch (error) {
    if (error instanceof Declined) return declined;
    throw error;
  }
}

class SubsetReader {
  readonly #text: string;
  #at = 0;
  /** Column of the content line that #at stands on; -1 at the end of the text. */
  #indent = -1;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const marker = /--- *(?: #[^\n]*)?(?:\n|$)/y.exec(this.#text);
    if (marker !== null) this.#at = marker[0].length;
    this.#nextLine();
    if (this.#indent === -1) return null;
    const first = this.#text[this.#at];
    let value: unknown;
    if (first === '{' || first === '[') {
      value = this.#flow(-1, 0);
      this.#endLine();
    } else {
      value = this.#block(0);
    }
    if (this.#indent !== -1) throw new Declined();
    return value;
  }

  /** Moves from the start of a line to the next line's content, over blank lines and comments. */
  #nextLine(): void {
    const text = this.#text;
    for (;;) {
      const start = this.#at;
      this.#skipSpaces();
      const char = text[this.#at];
      if (char === undefined) {
        this.#indent = -1;
        return;
      }
      if (char !== '\n' && char !== '#') {
        this.#indent = this.#at - start;
        return;
      }
      this.#skipLine();
    }
  }

  #skipSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === 32) this.#at += 1;
  }

  #skipLine(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end === -1 ? this.#text.length : end + 1;
  }

  /** True, and past it, if nothing but a comment is left on this line. */
  #atLineEnd(): boolean {
    this.#skipSpaces();
    const char = this.#text[this.#at];
    if (char !== undefined && char !== '\n' && !(char === '#' && this.#text[this.#at - 1] === ' ')) return false;
    this.#skipLine();
    this.#nextLine();
    return true;
  }

  #endLine(): void {
    if (!this.#atLineEnd()) throw new Declined();
  }

  #atDash(): boolean {
    if (this.#text[this.#at] !== '-') return false;
    const next = this.#text[this.#at + 1];
    return next === ' ' || next === '\n' || next === undefined;
  }

  #block(depth: number): unknown {
    if (depth > maxDepth) throw new Declined();
    return this.#atDash() ? this.#sequence(this.#indent, depth) : this.#mapping(this.#indent, depth);
  }

  #mapping(indent: number, depth: number): unknown {
    const map: Record<string, unknown> = {};
    do {
      const key = this.#key(plainKey);
      if (key === undefined || key in map) throw new Declined();
      map[key] = this.#mapValue(indent, depth);
    } while (this.#indent === indent && !this.#atDash());
    if (this.#indent > indent) throw new Declined();
    return map;
  }

  #mapValue(indent: number, depth: number): unknown {
    if (!this.#atLineEnd()) return this.#inline(indent, depth);
    if (this.#indent > indent) return this.#block(depth + 1);
    return this.#indent === indent && this.#atDash() ? this.#sequence(indent, depth + 1) : null;
  }

  #sequence(indent: number, depth: number): unknown {
    const items: unknown[] = [];
    do {
      items.push(this.#item(indent, depth));
    } while (this.#indent === indent && this.#atDash());
    if (this.#indent > indent) throw new Declined();
    return items;
  }

  #item(indent: number, depth: number): unknown {
    const dash = this.#at;
    this.#at += 1;
    if (this.#atLineEnd()) return this.#indent > indent ? this.#block(depth + 1) : null;
    plainKey.lastIndex = this.#at;
    if (!plainKey.test(this.#text)) return this.#inline(indent, depth);
    if (depth > maxDepth) throw new Declined();
    return this.#mapping(indent + this.#at - dash, depth + 1);
  }

  #key(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    const plain = match[1];
    if (plain !== undefined && coreWords.has(plain)) throw new Declined();
    this.#at = pattern.lastIndex;
    return plain ?? match[2] ?? match[3];
  }

  /** A value that starts on the line of its key or dash, which stands at `indent`. */
  #inline(indent: number, depth: number): unknown {
    const char = this.#text[this.#at];
    if (char === '|') return this.#literal(indent);
    let value: unknown;
    if (char === '"' || char === "'") value = this.#quoted(char);
    else if (char === '{' || char === '[') value = this.#flow(indent, depth + 1);
    else value = this.#plain();
    this.#endLine();
    // A deeper line would continue a plain scalar, or be a mistake.
    if (this.#indent > indent) throw new Declined();
    return value;
  }

  #plain(): unknown {
    plainStart.lastIndex = this.#at;
    if (!plainStart.test(this.#text)) throw new Declined();
    const lineEnd = this.#text.indexOf('\n', this.#at);
    const line = this.#text.slice(this.#at, lineEnd === -1 ? undefined : lineEnd);
    const comment = line.indexOf(' #');
    const scalar = trimTrailing(comment === -1 ? line : line.slice(0, comment), ' ');
    this.#at += scalar.length;
    return resolvePlain(scalar);
  }

  #quoted(quote: string): string {
    const start = this.#at + 1;
    let end = this.#text.indexOf(quote, start);
    if (quote === '"') while (end !== -1 && this.#isEscaped(end, start)) end = this.#text.indexOf('"', end + 1);
    else while (end !== -1 && this.#text[end + 1] === "'") end = this.#text.indexOf("'", end + 2);
    if (end === -1) throw new Declined();
    this.#at = end + 1;
    const inner = this.#text.slice(start, end);
    if (inner.includes('\n')) throw new Declined();
    if (quote === "'") return inner.replaceAll("''", "'");
    return inner.includes('\\') ? unescapeJson(inner) : inner;
  }

  #isEscaped(at: number, start: number): boolean {
    let slashes = 0;
    while (at - 1 - slashes >= start && this.#text[at - 1 - slashes] === '\\') slashes += 1;
    return slashes % 2 === 1;
  }

  #flow(indent: number, depth: number): unknown {
    if (depth > maxDepth) throw new Declined();
    const isMap = this.#text[this.#at] === '{';
    const map: Record<string, unknown> = {};
    const items: unknown[] = [];
    const close = isMap ? '}' : ']';
    this.#at += 1;
    this.#flowSpace(indent);
    if (this.#text[this.#at] === close) this.#at += 1;
    else {
      do {
        this.#flowSpace(indent);
        if (isMap) this.#flowEntry(map, indent, depth);
        else items.push(this.#flowValue(indent, depth));
        this.#flowSpace(indent);
      } while (this.#text[this.#at++] === ',');
      if (this.#text[this.#at - 1] !== close) throw new Declined();
    }
    return isMap ? map : items;
  }

  #flowEntry(map: Record<string, unknown>, indent: number, depth: number): void {
    const key = this.#key(flowKey);
    if (key === undefined || key in map) throw new Declined();
    this.#flowSpace(indent);
    map[key] = this.#flowValue(indent, depth);
  }

  #flowValue(indent: number, depth: number): unknown {
    const char = this.#text[this.#at];
    if (char === '"' || char === "'") return this.#quoted(char);
    if (char === '{' || char === '[') return this.#flow(indent, depth + 1);
    plainStart.lastIndex = this.#at;
    if (!plainStart.test(this.#text)) throw new Declined();
    const rest = /[^\n,[\]{}]*/y;
    rest.lastIndex = this.#at;
    const scalar = trimTrailing(rest.exec(this.#text)?.[0] ?? '', ' ');
    if (scalar.includes(' #')) throw new Declined();
    this.#at += scalar.length;
    return resolvePlain(scalar);
  }

  /** Flow may go on over lines that are indented deeper than what holds it. */
  #flowSpace(indent: number): void {
    this.#skipSpaces();
    while (this.#text[this.#at] === '\n') {
      const start = ++this.#at;
      this.#skipSpaces();
      if (this.#at - start <= indent && this.#text[this.#at] !== '\n') throw new Declined();
    }
  }

  #literal(indent: number): string {
    const { value, next } = readLiteral(this.#text, this.#at, indent);
    this.#at = next;
    this.#nextLine();
    if (this.#indent > indent) throw new Declined();
    return value;
  }
}
