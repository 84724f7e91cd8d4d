/** Scalars of the YAML subset, as the 1.2 core schema reads them. */

/** Thrown once per declined document, caught in `readSubset` only. */
export class Declined extends Error {}

export const coreWords: ReadonlyMap<string, null | boolean> = new Map<string, null | boolean>([
  ...['~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);

const number = /^[-+]?(?:0o[0-7]+|0x[0-9a-f]+|(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?|\.inf|\.nan)$/i;

export function resolvePlain(scalar: string): unknown {
  if (scalar.includes(': ') || scalar.endsWith(':') || scalar === '-') throw new Declined();
  if (/^(?:0|[1-9]\d{0,14})$/.test(scalar)) return Number(scalar);
  const word = coreWords.get(scalar);
  if (word !== undefined) return word;
  // Signs, fractions, octal and the like are rare enough to leave to the package.
  if (/^[-+.\d]/.test(scalar) && number.test(scalar)) throw new Declined();
  return scalar;
}

/** JSON's escapes mean the same in YAML; YAML's others are declined. */
export function unescapeJson(inner: string): string {
  try {
    return String(JSON.parse(`"${inner}"`));
  } catch {
    throw new Declined();
  }
}

export function trimTrailing(text: string, char: string): string {
  let end = text.length;
  while (text[end - 1] === char) end -= 1;
  return text.slice(0, end);
}

/** A `|` block whose holder stands at column `indent`; `next` is the start of the line after it. */
export function readLiteral(
  text: string,
  at: number,
  indent: number,
): { readonly value: string; readonly next: number } {
  const header = /\|([+-]?) *\n/y;
  header.lastIndex = at;
  const chomp = header.exec(text)?.[1];
  if (chomp === undefined) throw new Declined();
  const { lines, next } = literalLines(text, header.lastIndex, indent);
  const value = `${lines.join('\n')}\n`;
  if (chomp === '+') return { value, next };
  const trimmed = trimTrailing(value, '\n');
  return { value: chomp === '-' ? trimmed : `${trimmed}\n`, next };
}

function literalLines(text: string, at: number, indent: number): { readonly lines: string[]; readonly next: number } {
  const lines: string[] = [];
  let inner = -1;
  let start = at;
  while (start < text.length) {
    let content = start;
    while (text.charCodeAt(content) === 32) content += 1;
    const end = text.indexOf('\n', content);
    const isBlank = content === end;
    if (!isBlank && content - start <= Math.max(indent, inner - 1)) break;
    // An unfinished last line and lines of nothing but spaces have subtle rules.
    if (end === -1 || (isBlank && content > start)) throw new Declined();
    if (!isBlank && inner === -1) inner = content - start;
    lines.push(isBlank ? '' : text.slice(start + inner, end));
    start = end + 1;
  }
  if (inner === -1) throw new Declined();
  return { lines, next: start };
}
