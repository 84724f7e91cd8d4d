/** `matches` of a rule: Gateway API HTTPRouteMatch. */
import { z } from 'zod';
import { absolutePath, field, headerName } from '../../schema/fields.ts';

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;

const printable = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');

const pathType = z.enum(['Exact', 'PathPrefix', 'RegularExpression']).optional();

const path = z
  .strictObject({
    type: field(
      pathType,
      'How `value` is compared. PathPrefix (the default) goes by path element: /abc matches /abc and /abc/d, not /abcd. RegularExpression is RE2 and must match the whole path.',
      'PathPrefix',
    ),
    value: field(printable.optional(), 'The path, without query; `/` when absent.', '/orders'),
  })
  .refine((match) => match.type === 'RegularExpression' || absolutePath.safeParse(match.value ?? '/').success, {
    path: ['value'],
    message:
      'must be an absolute, normalised path of URL characters: no query, no fragment, no "//", "/.", "%2f", "%5c" or ";", because requests are normalised before they are matched',
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: "(has(self.type) && self.type == 'RegularExpression') || !has(self.value) || (self.value.startsWith('/') && self.value.matches('^[-A-Za-z0-9._~!$&()*+,=:@%/\\x27]*$') && !self.value.contains('//') && !self.value.matches('/[.][.]?(/|$)') && !self.value.matches('%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)') && !self.value.matches('(?i)%2f|%5c'))",
        message: 'value must be an absolute, normalised path of URL characters',
      },
    ],
  });

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
