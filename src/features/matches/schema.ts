/** `matches` of a rule: Gateway API HTTPRouteMatch. */
import { z } from 'zod';
import { absolutePath, field, headerName, printable } from '../../schema/fields.ts';

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;

/** Two variants, because a path is held against other characters than a pattern; the first is the one without `type`. */
const path = z.union([
  z.strictObject({
    type: field(
      z.enum(['Exact', 'PathPrefix']).optional(),
      'How `value` is compared. PathPrefix (the default) goes by path element: /abc matches /abc and /abc/d, not /abcd. RegularExpression is RE2 and must match the whole path.',
      'PathPrefix',
    ),
    value: field(
      absolutePath.optional(),
      'An absolute, normalised path without query, with other characters as escapes such as %20; `/` when absent. For RegularExpression the pattern, which must be given.',
      '/orders',
    ),
  }),
  z.strictObject({ type: z.literal('RegularExpression'), value: printable }),
]);

const valueType = z.enum(['Exact', 'RegularExpression']).optional();

const header = z.strictObject({
  type: field(valueType, 'How `value` is compared; Exact when absent.', 'Exact'),
  name: field(headerName, 'Header name; case is ignored.', 'x-canary'),
  value: field(
    printable,
    'Value of the header, case-sensitive; RE2 for RegularExpression, matching the whole value.',
    'true',
  ),
});

const queryParam = z.strictObject({
  type: field(valueType, 'How `value` is compared; Exact when absent.', 'Exact'),
  name: field(printable, 'Name of the query parameter, case-sensitive.', 'version'),
  value: field(printable, 'Value of the parameter; RE2 for RegularExpression, matching the whole value.', '2'),
});

export const matchSchema = z.strictObject({
  path: field(path.optional(), 'Path of the request, without query; every path when absent.', {
    type: 'PathPrefix',
    value: '/orders',
  }),
  method: field(z.enum(methods).optional(), 'HTTP method; every method when absent.', 'GET'),
  headers: field(z.array(header).max(16).optional(), 'Headers that must all match.', [
    { name: 'x-canary', value: 'true' },
  ]),
  queryParams: field(z.array(queryParam).max(16).optional(), 'Query parameters that must all match.', [
    { name: 'version', value: '2' },
  ]),
});

export const matchesSchema = field(
  z.array(matchSchema).max(64).optional(),
  'Requests that the rule takes: any entry may match, and all of an entry must. Every request when absent.',
  [{ path: { type: 'PathPrefix', value: '/orders' }, method: 'GET' }],
);

export type MatchSpec = z.infer<typeof matchSchema>;
