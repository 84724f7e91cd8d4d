import { expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { apiGateway, route, service, to, under } from '../../testing/rig-manifests.ts';
import type { Exchange } from '../../testing/rig-request.ts';

const set = [
  { name: 'X-Team', value: 'shop' },
  { name: 'x-percent', value: '100% %REQ(authorization)% %%' },
];
const edits = { set, add: [{ name: 'x-seen-by', value: 'edge' }], remove: ['X-Internal', 'x-absent'] };

const manifests = [
  apiGateway(),
  service('orders'),
  service('canary'),
  route('all', [
    { ...under('/rule'), ...to('orders'), requestHeaders: edits, responseHeaders: edits },
    {
      ...under('/backend'),
      backendRefs: [
        { name: 'orders', port: 80, weight: 1, requestHeaders: edits, responseHeaders: edits },
        { name: 'canary', port: 80, weight: 1 },
      ],
    },
    {
      ...under('/both'),
      requestHeaders: { set: [{ name: 'x-team', value: 'rule' }], add: [{ name: 'x-order', value: 'rule' }] },
      backendRefs: [
        {
          name: 'orders',
          port: 80,
          requestHeaders: { add: [{ name: 'x-order', value: 'backend' }] },
        },
      ],
    },
    { ...under('/pong'), respond: { status: 200, body: 'pong' }, responseHeaders: edits },
    { ...under('/old'), redirect: { hostname: 'new.example.com' }, responseHeaders: edits },
  ]),
];

await rigSuite(
  'headers, with traffic',
  () => manifests,
  (rig) => {
    const sent = [
      ['x-team', 'client'],
      ['X-Team', 'client again'],
      ['x-seen-by', 'client'],
      ['x-internal', 'secret'],
      ['x-internal', 'twice'],
    ] as const;
    const received = (exchange: Exchange, name: string) =>
      exchange.received?.headers.flatMap(([key, value]) => (key.toLowerCase() === name ? [value] : []));
    const answered = (exchange: Exchange, name: string) =>
      exchange.headers.flatMap(([key, value]) => (key === name ? [value] : []));

    test('requests of a rule: set overwrites every line, add stands beside, remove takes every line', async () => {
      const exchange = await rig().send({ path: '/rule', headers: sent });
      expect(received(exchange, 'x-team')).toEqual(['shop']);
      expect(received(exchange, 'x-seen-by')).toEqual(['client', 'edge']);
      expect(received(exchange, 'x-internal')).toEqual([]);
    });

    test('a percent sign stays one, and is no format', async () => {
      const exchange = await rig().send({ path: '/rule', headers: [['authorization', 'secret']] });
      expect(received(exchange, 'x-percent')).toEqual(['100% %REQ(authorization)% %%']);
      expect(answered(exchange, 'x-percent')).toEqual(['100% %REQ(authorization)% %%']);
    });

    test('answers of a rule', async () => {
      const path = '/rule?header=x-team:backend&header=x-seen-by:backend&header=x-internal:1';
      const exchange = await rig().send({ path });
      expect(answered(exchange, 'x-team')).toEqual(['shop']);
      expect(answered(exchange, 'x-seen-by')).toEqual(['backend', 'edge']);
      expect(answered(exchange, 'x-internal')).toEqual([]);
    });

    test('edits of a backendRef touch the share of that backend alone', async () => {
      const seen = new Map<string, unknown>();
      for (let tries = 0; tries < 60 && seen.size < 2; tries += 1) {
        const exchange = await rig().send({ path: '/backend', headers: sent });
        seen.set(exchange.received?.service ?? '', {
          team: received(exchange, 'x-team'),
          internal: received(exchange, 'x-internal'),
          answered: answered(exchange, 'x-seen-by'),
        });
      }
      expect(seen.get('shop/orders')).toEqual({ team: ['shop'], internal: [], answered: ['edge'] });
      expect(seen.get('shop/canary')).toEqual({
        team: ['client', 'client again'],
        internal: ['secret', 'twice'],
        answered: [],
      });
    });

    test('edits of rule and backendRef both apply', async () => {
      const exchange = await rig().send({ path: '/both', headers: [['x-order', 'client']] });
      expect(received(exchange, 'x-team')).toEqual(['rule']);
      expect(received(exchange, 'x-order')?.toSorted()).toEqual(['backend', 'client', 'rule']);
    });

    test.each([
      ['/pong', 200],
      ['/old', 302],
    ])('answers without a backend are edited, too: %s', async (path, status) => {
      const exchange = await rig().send({ path });
      expect(exchange.status).toBe(status);
      expect(answered(exchange, 'x-team')).toEqual(['shop']);
    });
  },
);
