/** Shared pieces of the CRD schemas. Each bound is also a bound of the API server: CEL's cost budget needs them. */
import { z } from 'zod';
import { onlyWith } from './choice.ts';
import { refusing } from './refuse.ts';

/** A field with its description and an example, as CRD, reference page and `kubectl explain` show them. */
export function field<T extends z.ZodType>(schema: T, description: string, example: unknown): T {
  return schema.meta({ description, examples: [example] });
}

/**
 * Text of at most so many characters. What is longer is refused by its length alone: a pattern over a text of millions of
 * characters would run out of stack.
 */
export function shortText(maximum: number): z.ZodString {
  return z.string().min(1).max(maximum, { abort: true });
}

/** Of a regular expression: an RFC 1123 label. */
export const labelPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

/** RFC 1123 subdomain, as Kubernetes names objects. */
export const objectName = shortText(253).regex(
  new RegExp(`^${labelPattern}(\\.${labelPattern})*$`),
  'must be a lower-case RFC 1123 name',
);

/** RFC 1123 label: namespaces, listener and rule names. */
export const labelName = shortText(63).regex(
  new RegExp(`^${labelPattern}$`),
  'must be a lower-case RFC 1123 label: letters, digits and inner hyphens',
);

/** Gateway API Hostname: exact, or `*.` before a suffix; never an address. */
export const hostname = refusing(
  shortText(253).regex(
    new RegExp(`^(\\*\\.)?${labelPattern}(\\.${labelPattern})*$`),
    'must be a lower-case hostname, optionally with a leading "*."',
  ),
  /^([0-9]+\.){3}[0-9]+$/,
  'must be a hostname, not an IP address',
);

/** Gateway API PreciseHostname. */
export const exactHostname = refusing(hostname, /^\*/, 'must be an exact hostname');

/** Reports each entry whose name an earlier one has. Entries without a name are no trouble. */
export function refuseSameNames(
  list: readonly { readonly name?: string | undefined }[],
  context: z.core.$RefinementCtx,
): void {
  const seen = new Set<string>();
  for (const [index, { name }] of list.entries()) {
    if (name === undefined) continue;
    const message = 'is the name of another entry, too';
    const params = { remedy: 'Give each entry a name of its own' };
    if (seen.has(name)) context.addIssue({ code: 'custom', path: [index, 'name'], message, params });
    seen.add(name);
  }
}

/** A list whose entries are told apart by their names, also by server-side apply. */
export function namedList<T extends z.ZodType<{ readonly name: string }>>(entry: T, maximum: number): z.ZodArray<T> {
  return z
    .array(entry)
    .min(1)
    .max(maximum)
    .superRefine(refuseSameNames)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });
}

export const portNumber = z.int().min(1).max(65535);

/** GEP-2257 Duration: `1h30m`, `500ms`. */
export const duration = z
  .string()
  .max(32, { abort: true })
  .regex(/^([0-9]{1,5}(h|m|s|ms)){1,4}$/, 'must be a duration such as 500ms, 15s or 1h30m');

/** RFC 9110 field name; matching ignores case. */
export const headerName = shortText(256).regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'must be an HTTP header name');

/** RFC 9110 field value: visible ASCII, space and tab; no control characters, so nothing can be smuggled behind it. */
export const headerValue = z
  .string()
  .max(4096, { abort: true })
  .regex(/^[\t\x20-\x7e]*$/, 'must be visible ASCII, spaces and tabs');

/** What a request line, a header or a pattern over them can hold. */
export const printable = shortText(1024).regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');

/** Names and identifiers that are compared byte by byte: claims, issuers. */
export function word(maximum: number): z.ZodString {
  return shortText(maximum).regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');
}

/** Name of a claim, or a JSON Pointer to one. */
export const claimName = word(256);

/**
 * What no request path holds once Envoy has normalised it (`normalize_path`, `merge_slashes`, escaped slashes; tried on
 * 1.40): escapes of letters, digits and `-._~` are gone, too. A match on it would never fire, nor would a deny.
 */
export const unnormalised =
  /\/\/|\/\.{1,2}(\/|$)|%(00|2[DdEeFf]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaCcFf]|6[1-9A-Fa-f]|7[0-9AaEe])/;

/** An absolute path as a request line carries it and as Envoy has normalised it: no query, no fragment. */
export const absolutePath = refusing(
  shortText(1024).regex(
    /^\/([A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})*$/,
    'must be an absolute path: URL characters, others as escapes such as %20, but no query, no fragment and no ";"',
  ),
  unnormalised,
  'must be a normalised path: no "//", "/./", "/../", "%2f", "%5c" or escapes of letters, digits and "-._~", because requests are normalised before they are matched',
);

const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const ipv4 = `(${octet}\\.){3}${octet}`;

/** RFC 3986 §3.2.2, IPv6address. */
function ipv6Pattern(): string {
  const group = '[0-9A-Fa-f]{1,4}';
  const last32 = `(${group}:${group}|${ipv4})`;
  const before = (most: number) => `((${group}:){0,${most}}${group})?`;
  return [
    `(${group}:){6}${last32}`,
    `::(${group}:){5}${last32}`,
    ...[0, 1, 2, 3].map((most) => `${before(most)}::(${group}:){${4 - most}}${last32}`),
    `${before(4)}::${last32}`,
    `${before(5)}::${group}`,
    `${before(6)}::`,
  ].join('|');
}

/** An address, or a block of them. */
export const cidr = z
  .string()
  .min(2)
  .max(49, { abort: true })
  .regex(
    new RegExp(`^(${ipv4}(/(3[0-2]|[12]?[0-9]))?|(${ipv6Pattern()})(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)$`),
    'must be an IP address or CIDR block such as 203.0.113.0/24',
  );

/** meta/v1: an optional DNS prefix and a name. */
export const labelKey = shortText(317).regex(
  new RegExp(`^(${labelPattern}(\\.${labelPattern})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`),
  'must be a label key such as team or example.com/team',
);
export const labelValue = z
  .string()
  .max(63, { abort: true })
  .regex(
    /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
    'must be a label value: letters, digits and inner "-", "_", "."',
  );

const labelRequirement = onlyWith(
  z.strictObject({
    key: field(labelKey, 'Label key.', 'team'),
    operator: field(
      z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
      'In and NotIn compare with `values`, and NotIn also takes objects without the label; Exists and DoesNotExist look only at the key.',
      'In',
    ),
    values: field(z.array(labelValue).min(1).max(64).optional(), 'Values for In and NotIn.', ['shop']),
  }),
  'values',
  ['operator', 'In', 'NotIn'],
);

const tooManyLabels = 'must have at most 16 entries';

/** meta/v1 LabelSelector. */
export const labelSelector = z.strictObject({
  matchLabels: field(
    z
      // A pattern for keys would be CEL over strings of unknown length, past every budget; a malformed one never matches.
      .record(z.string().max(317), labelValue)
      .refine((labels) => Object.keys(labels).length <= 16, tooManyLabels)
      .meta({ maxProperties: 16 })
      .optional(),
    'Labels that must all be present with these values.',
    { team: 'shop' },
  ),
  matchExpressions: field(z.array(labelRequirement).max(16).optional(), 'Requirements that must all hold.', [
    { key: 'team', operator: 'In', values: ['shop'] },
  ]),
});

/** Milliseconds of a GEP-2257 duration that has already been validated. */
export function milliseconds(text: string): number {
  const unit = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
  return [...text.matchAll(/(\d+)(ms|h|m|s)/g)].reduce(
    (sum, [, amount, name]) => sum + Number(amount) * unit[name as keyof typeof unit],
    0,
  );
}
