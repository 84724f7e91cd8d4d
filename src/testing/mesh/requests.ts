/** Requests that look for differences: forms of one path, host or header that parsers do not agree about. */
import fc, { type Arbitrary } from 'fast-check';
import type { HeaderPair } from '../rig-request.ts';
import type { TokenName } from './tokens.ts';

interface Form {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  readonly host: string;
  readonly headers: readonly HeaderPair[];
  /** One `Authorization` line each. */
  readonly tokens: readonly TokenName[];
}

export interface OutsideRequest extends Form {
  /** 0 or 1; counted modulo the gateways that there are. */
  readonly gateway: number;
  readonly from: '127.0.0.1' | '127.0.0.2';
}

export interface InsideRequest extends Form {
  /** `TRUST-DOMAIN/ns/NAMESPACE/sa/NAME`. */
  readonly caller: string;
  readonly service: 'orders' | 'cart';
}

const plainPath = fc.constantFrom(
  '/',
  '/orders',
  '/orders/',
  '/orders/items',
  '/orders/7/items',
  '/orders/7/8/items',
  '/admin',
  '/admin/',
  '/admin/x',
  '/v1/x',
  '/api/items',
  '/fixed',
  '/ordersx',
  '/items',
);

const oddPath = fc.constantFrom(
  '/orders?x=1',
  '/orders/items?x=1&y=/admin',
  '/?x=1',
  '//orders',
  '/orders//items',
  '/orders%2fitems',
  '/orders%2Fitems',
  '/orders%5citems',
  '/%6frders',
  '/orders/%00',
  '/orders%00',
  '/orders;x',
  '/orders;x/items',
  '/admin;/../orders',
  '/a/../admin',
  '/orders/./items',
  '/orders/../admin/x',
  '/orders/%2e%2e/admin',
  '/orders/items/..',
  '/orders#part',
  '/orders/items#/admin',
  '/orders%20x',
  '/orders%23items',
  '/orders%3fx',
  '/ORDERS',
  '/Orders/items',
  '/orders\\items',
  '/orders/.',
  '/orders/..',
  '/../orders',
  '/%c3%a9',
  '/orders/%zz',
  '/orders/items/%2e',
  'http://a.example.com/orders',
  'orders',
  '*',
);

const host = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a.example.com', 'b.example.com') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'A.Example.Com',
      'a.example.com:80',
      'a.example.com:8443',
      'b.example.com:1',
      'a.example.com.',
      'x.a.example.com',
      'other.test',
      'aXexample.com',
      'a.example.com:',
    ),
  },
);

const header: Arbitrary<readonly HeaderPair[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant([]) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<readonly HeaderPair[]>(
      [['x-team', 'red']],
      [['x-team', 'blue']],
      [['X-Team', 'Red']],
      [['x-team', '']],
      [['x-team', 'red,blue']],
      [
        ['x-team', 'blue'],
        ['x-team', 'red'],
      ],
      [
        ['x-team', 'red'],
        ['X-TEAM', 'red'],
      ],
      [['x-tenant', 't']],
      [['x-team', ' red ']],
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<readonly HeaderPair[]>(
      [
        ['content-type', 'application/grpc'],
        ['te', 'trailers'],
      ],
      [
        ['upgrade', 'websocket'],
        ['connection', 'Upgrade'],
        ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
        ['sec-websocket-version', '13'],
      ],
      [
        ['origin', 'https://elsewhere.example'],
        ['access-control-request-method', 'GET'],
      ],
      [['x-forwarded-for', '127.0.0.2']],
      [
        ['x-original-url', '/admin'],
        ['x-http-method-override', 'DELETE'],
      ],
      [['x-envoy-original-path', '/admin']],
      [['forwarded', 'for=127.0.0.2']],
      [['x-forwarded-client-cert', 'URI=spiffe://cluster.local/ns/WORLD/sa/batch']],
    ),
  },
);

const tokens: Arbitrary<readonly TokenName[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 5, arbitrary: fc.constantFrom<readonly TokenName[]>(['alice'], ['alice'], ['bob'], ['carol']) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<readonly TokenName[]>(
      ['expired'],
      ['stranger'],
      ['malformed'],
      ['forged'],
      ['alice', 'carol'],
      ['carol', 'alice'],
      ['audienceless'],
      ['alice', 'malformed'],
    ),
  },
);

const form = {
  method: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('GET', 'GET', 'POST') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('DELETE', 'OPTIONS', 'HEAD', 'PUT', 'PATCH', 'TRACE', 'CONNECT', 'get', 'FOO'),
    },
  ),
  target: fc.oneof({ weight: 3, arbitrary: plainPath }, { weight: 2, arbitrary: oddPath }),
  host,
  headers: header,
  tokens,
};

export const outsideRequests: Arbitrary<OutsideRequest> = fc.record({
  ...form,
  gateway: fc.nat(1),
  from: fc.constantFrom('127.0.0.1', '127.0.0.1', '127.0.0.2'),
});

export const insideRequests: Arbitrary<InsideRequest> = fc.record({
  ...form,
  // What is compared with does not read odd ones.
  method: fc.oneof({ weight: 9, arbitrary: fc.constantFrom('GET', 'POST') }, { weight: 1, arbitrary: form.method }),
  target: fc.oneof({ weight: 9, arbitrary: plainPath }, { weight: 1, arbitrary: oddPath }),
  caller: fc.constantFrom(
    'cluster.local/ns/WORLD/sa/batch',
    'cluster.local/ns/WORLD/sa/batch',
    'cluster.local/ns/billing/sa/job',
    'cluster.local/ns/billing/sa/batch',
    'cluster.local/ns/other/sa/default',
  ),
  service: fc.constantFrom('orders', 'orders', 'cart'),
});
