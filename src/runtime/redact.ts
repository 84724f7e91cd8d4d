/** The last line of defence before a log: what looks like key material is not written, wherever it came from. */

const REDACTED = '[redacted]';

const secrets: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  // To the end of the text where the block was cut off.
  { pattern: /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?(?:-----END \1-----|$)/g, instead: '[redacted $1]' },
  // The same in base64, as a Secret holds it.
  { pattern: /LS0tLS1CRUdJTi[A-Za-z0-9+/_=-]*/g, instead: '[redacted PEM]' },
  { pattern: /eyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*){0,3}/g, instead: '[redacted JWT]' },
  { pattern: /\b(Bearer|Basic)(\s+)[\w.~+/=-]{4,}/gi, instead: `$1$2${REDACTED}` },
  { pattern: /(\w:\/\/[^\s/:@]*:)[^\s/@]+@/g, instead: `$1${REDACTED}@` },
];

const secretFields = /^(authorization|cookie|set-cookie|password|passwd|token|id-?token|client-?secret|private-?key)$/i;

const DEEPEST = 8;

export function redactText(text: string): string {
  return secrets.reduce((clean, { pattern, instead }) => clean.replaceAll(pattern, instead), text);
}

/** A copy that JSON can hold: no secrets, no bytes, no cycles; an Error becomes its message. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return redactText(value.message);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (depth >= DEEPEST) return '[…]';
  if (value instanceof Map) return redact(Object.fromEntries(value), depth);
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => redact(item, depth + 1));
  const isSecret = 'kind' in value && value.kind === 'Secret';
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => {
      const hidden = secretFields.test(name) || (isSecret && (name === 'data' || name === 'stringData'));
      return [redactText(name), hidden ? REDACTED : redact(field, depth + 1)];
    }),
  );
}
