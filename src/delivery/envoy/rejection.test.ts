import { expect, test } from '@jest/globals';
import { rejectionsFrom } from './rejection.ts';

const line = (text: string) => `[warning][config] Filesystem config update ${text}`;
const cluster = line('rejected: Error adding/updating cluster(s) c1: ring hash: minimum_ring_size (10) > 5');
const listener = line(
  "rejected: Error adding/updating listener(s) web: cannot bind '0.0.0.0:80': Address already in use",
);
const routes = line('rejected: Unexpected RDS configuration (expecting web): x');
const broken = line('failure: in /xds/rds-web.json, Unable to parse JSON as proto (INVALID_ARGUMENT: unexpected EOF)');
const jwt = line(
  'rejected: Proto constraint validation failed (JwtAuthenticationValidationError.Providers[a]: required)',
);

test('each refused subscription gets the reasons of its kind', () => {
  const lines = ['[error][config] something else', cluster, listener, routes];
  const found = rejectionsFrom(['cluster_manager.cds', 'listener_manager.lds', 'http.web.rds.web'], lines);
  expect(found).toEqual([
    {
      subscription: 'cluster_manager.cds',
      detail: expect.stringMatching(/^Error adding\/updating cluster\(s\) c1: ring/),
    },
    {
      subscription: 'listener_manager.lds',
      detail: expect.stringMatching(/^Error adding\/updating listener.*in use$/),
    },
    { subscription: 'http.web.rds.web', detail: 'Unexpected RDS configuration (expecting web): x' },
  ]);
});

test('a reason that shows no kind goes to the subscription that has no other', () => {
  const found = rejectionsFrom(['cluster_manager.cds', 'extension_config_discovery.http_filter.jwt'], [cluster, jwt]);
  expect(found.map(({ detail }) => detail.slice(0, 15))).toEqual(['Error adding/up', 'Proto constrain']);
});

test('of several route files the named one is told apart', () => {
  const other = line('rejected: Unexpected RDS configuration (expecting a.b): x');
  const found = rejectionsFrom(['http.web.rds.web', 'http.a.b.rds.a.b'], [broken, other]);
  expect(found.map(({ detail }) => detail)).toEqual([
    expect.stringContaining('in /xds/rds-web.json'),
    expect.stringContaining('expecting a.b'),
  ]);
});

test('the same reason is said once, and no reason is an empty one', () => {
  expect(rejectionsFrom(['listener_manager.lds'], [listener, listener])[0]?.detail.match(/in use/g)).toHaveLength(1);
  expect(rejectionsFrom(['listener_manager.lds'], [])).toEqual([{ subscription: 'listener_manager.lds', detail: '' }]);
});

test('of a certificate that is told again and again, the last word counts', () => {
  const missing = line('rejected: Invalid path: /certificates/shop.a/tls.crt');
  const wrong = line('rejected: Failed to load private key from <inline>, Cause: KEY_VALUES_MISMATCH');
  const detailOf = (roots: readonly string[], ...lines: readonly string[]) => rejectionsFrom(roots, lines)[0]?.detail;
  expect(detailOf(['sds.shop.a'], missing, wrong)).toContain('KEY_VALUES_MISMATCH');
  expect(detailOf(['sds.shop.a'], missing, wrong, missing)).toContain('Invalid path');
  expect(detailOf(['sds.shop.a', 'sds.shop.b'], missing, wrong)).toContain('shop.a');
});
