import { expect, test } from '@jest/globals';
import { findingsOf, takenPorts } from './culprit.ts';

const gateway = { kind: 'ApiGateway', namespace: 'gateways', name: 'edge' };
const refusal = (name: string, detail: string) => ({
  file: { name, subscription: { kind: 'cds' as const }, hash: '', text: () => '' },
  detail,
});

test.each([
  [
    'cds.json',
    'Error adding/updating cluster(s) shop/orders/80: bad',
    { kind: 'Service', namespace: 'shop', name: 'orders' },
  ],
  ['cds.json', 'Error adding/updating cluster(s) jwks/login.example.com: bad', gateway],
  ['rds-http-80.json', 'route: shop/orders.v2/read/0 is bad', { kind: 'Route', namespace: 'shop', name: 'orders.v2' }],
  ['rds-http-80.json', 'Invalid regex', gateway],
  ['lds.json', 'in /tmp/a/b/1/lds.json, no such field', gateway],
])('%s: %s is about %j', (name, detail, about) => {
  expect(findingsOf(gateway, [refusal(name, detail)])).toEqual([
    {
      about,
      severity: 'error',
      reason: 'NotProgrammed',
      at: '',
      message: `Envoy refused ${name}: ${detail}; what it served before stays`,
      remedy: expect.stringMatching(/^Undo /),
    },
  ]);
});

test('no reason means no answer', () => {
  expect(findingsOf(gateway, [refusal('lds.json', '')])[0]?.message).toBe(
    'Envoy did not take lds.json in time; what it served before stays',
  );
});

test('ports that somebody else has are told apart', () => {
  const detail =
    "Error adding/updating listener(s) tcp-80: cannot bind '127.0.0.1:8080': Address already in use; listener(s) tcp-81: cannot bind '[::1]:8081': Address already in use";
  expect(takenPorts([refusal('lds.json', detail)])).toEqual([8080, 8081]);
  expect(findingsOf(gateway, [refusal('lds.json', detail)])).toEqual([]);
});
