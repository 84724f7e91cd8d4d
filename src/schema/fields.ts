/** Shared pieces of the CRD schemas. Each bound is also a bound of the API server: CEL's cost budget needs them. */
import { z } from 'zod';

/** A field with its description and an example, as CRD, reference page and `kubectl explain` show them. */
export function field<T extends z.ZodType>(schema: T, description: string, example: unknown): T {
  return schema.meta({ description, examples: [example] });
}

/** RFC 1123 subdomain, as Kubernetes names objects. */
export const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'must be a lower-case RFC 1123 name');

/** RFC 1123 label: namespaces, listener and rule names. */
export const labelName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a lower-case RFC 1123 label');

/** Gateway API Hostname: exact, or `*.` before a suffix; never an address. */
export const hostname = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be a lower-case hostname, optionally with a leading "*."',
  )
  .refine((host) => !/^(\d+\.){3}\d+$/.test(host), 'must be a hostname, not an IP address');

export const portNumber = z.int().min(1).max(65535);

/** GEP-2257 Duration: `1h30m`, `500ms`. */
export const duration = z
  .string()
  .max(32)
  .regex(/^([0-9]{1,5}(h|m|s|ms)){1,4}$/, 'must be a duration such as 500ms, 15s or 1h30m');

/** RFC 9110 field name; matching ignores case. */
export const headerName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'must be an HTTP header name');

/** RFC 9110 field value: visible ASCII, space and tab; no control characters, so nothing can be smuggled behind it. */
export const headerValue = z
  .string()
  .max(4096)
  .regex(/^[\t\x20-\x7e]*$/, 'must be visible ASCII, spaces and tabs');

/** An absolute path as a request line carries it: no query, no fragment. */
export const absolutePath = z
  .string()
  .min(1)
  .max(1024)
  .regex(
    /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*$/,
    'must be an absolute path of URL characters, without query or fragment',
  )
  .refine((path) => !/%(?![0-9A-Fa-f]{2})/.test(path), 'must use % only in escapes such as %20')
  .refine(
    (path) => !/\/\/|\/\.{1,2}(\/|$)|%2f|%5c|;/i.test(path),
    'must be a normalised path: no "//", "/.", "/..", "%2f", "%5c" or ";", because requests are normalised before they are matched',
  );

export const cidr = z
  .string()
  .min(2)
  .max(43)
  .regex(/^[0-9A-Fa-f.:]+(\/\d{1,3})?$/, 'must be an IP address or CIDR block such as 203.0.113.0/24');

/** meta/v1 LabelSelector. */
export const labelSelector = z.strictObject({
  matchLabels: field(
    z.record(z.string().max(317), z.string().max(63)).optional(),
    'Labels that must all be present with these values.',
    { team: 'shop' },
  ),
  matchExpressions: field(
    z
      .array(
        z.strictObject({
          key: field(z.string().min(1).max(317), 'Label key.', 'team'),
          operator: field(z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']), 'How the key is compared.', 'In'),
          values: field(z.array(z.string().max(63)).max(64).optional(), 'Values for In and NotIn.', ['shop']),
        }),
      )
      .max(16)
      .optional(),
    'Requirements that must all hold.',
    [{ key: 'team', operator: 'In', values: ['shop'] }],
  ),
});

/** Milliseconds of a GEP-2257 duration that has already been validated. */
export function milliseconds(text: string): number {
  const unit = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
  return [...text.matchAll(/(\d+)(ms|h|m|s)/g)].reduce(
    (sum, [, amount, name]) => sum + Number(amount) * unit[name as keyof typeof unit],
    0,
  );
}
