/** Edits of headers, as a rule and a backendRef write them: Gateway API HTTPHeaderFilter. */
import { z } from 'zod';
import type { HeaderEdits, HeaderValueOption } from '../envoy/route.ts';
import { field, headerName, headerValue } from '../schema/fields.ts';
import { anyCase, refusing } from '../schema/refuse.ts';

/** What Envoy writes itself, or refuses to have edited. `:path` and its like are no header names to begin with. */
const reserved = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
  'te',
  'trailer',
  'x-forwarded-for',
];

const editableName = refusing(
  headerName,
  new RegExp(`^(${reserved.map(anyCase).join('|')}|${anyCase('x-envoy-')}.*)$`),
  'must not be host, a hop-by-hop header, x-forwarded-for or x-envoy-*: Envoy owns them',
);

const header = z.strictObject({
  name: field(editableName, 'Header name; case is ignored.', 'x-team'),
  value: field(headerValue, 'Value, taken literally: `%` and `$` mean nothing special.', 'shop'),
});

export const headersSchema = z.strictObject({
  set: field(z.array(header).max(16).optional(), 'Headers to set; present ones are overwritten.', [
    { name: 'x-team', value: 'shop' },
  ]),
  add: field(z.array(header).max(16).optional(), 'Headers to add beside present ones.', [
    { name: 'x-seen-by', value: 'edge' },
  ]),
  remove: field(z.array(editableName).max(16).optional(), 'Headers to remove.', ['x-internal']),
});

export type HeadersSpec = z.infer<typeof headersSchema>;

export type Direction = 'request' | 'response';

/** envoy.config.route.v3: the four header fields of a Route or a ClusterWeight. */
export function headerEdits(direction: Direction, spec: HeadersSpec): HeaderEdits {
  const add: readonly HeaderValueOption[] = [
    ...(spec.set ?? []).map((header) => option(header, 'OVERWRITE_IF_EXISTS_OR_ADD')),
    ...(spec.add ?? []).map((header) => option(header, 'APPEND_IF_EXISTS_OR_ADD')),
  ];
  const remove = (spec.remove ?? []).map((name) => name.toLowerCase());
  return {
    ...(add.length === 0 ? {} : { [`${direction}_headers_to_add`]: add }),
    ...(remove.length === 0 ? {} : { [`${direction}_headers_to_remove`]: remove }),
  };
}

function option(
  header: { readonly name: string; readonly value: string },
  append_action: HeaderValueOption['append_action'],
): HeaderValueOption {
  return { header: { key: header.name.toLowerCase(), value: literal(header.value) }, append_action };
}

/** Envoy reads `%…%` in header values as a format: a user's `%ENVIRONMENT(X)%` must stay text. */
export function literal(value: string): string {
  return value.replaceAll('%', '%%');
}
