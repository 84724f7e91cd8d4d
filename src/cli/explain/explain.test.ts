import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { fakeIo } from '../../testing/fake-io.ts';
import { runProgram } from '../program.ts';

const shop = 'examples/shop';
const orders = 'GET https://api.shop.example.com/orders/7?x=1';
const alice = `authorization: Bearer ${readFileSync(`${shop}/tokens/alice.jwt`, 'utf8').trim()}`;

async function evengate(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runProgram(args, io);
  return { code, ...io.written };
}

describe('evengate explain', () => {
  test.each([
    [['explain', '-f', shop, orders], 'behind the paths'],
    [['explain', orders, '-f', shop], 'before them'],
    [['explain', '-f', shop, '-o', 'text', orders], 'behind another option'],
  ])('takes the request %s', async (args) => {
    const { code, stdout } = await evengate(...args);
    expect(code).toBe(0);
    expect(stdout).toContain('Route shop/orders, rule read');
    expect(stdout).toContain('401 Unauthorized');
  });

  test('verifies a real token, and names the rule that admits', async () => {
    const { stdout } = await evengate('explain', '-f', shop, orders, '-H', alice);
    expect(stdout).toContain('AuthPolicy shop/orders-read allows it: rule readers');
    expect(stdout).toContain('Forwarded to Service shop/orders port 80 (90 %)');
  });

  test('refuses a token that was tampered with', async () => {
    const { stdout } = await evengate('explain', '-f', shop, orders, '-H', alice.replace(/.{6}$/, 'AAAAAA'));
    expect(stdout).toContain('401 Unauthorized');
  });

  test('answers for scripts in JSON', async () => {
    const { stdout } = await evengate('explain', '-f', shop, '-o', 'json', 'GET http://www.shop.example.com/');
    expect(JSON.parse(stdout)).toMatchObject({ answers: [{ gateway: 'gateways/edge', status: 301 }] });
  });

  test.each([
    [['explain', '-f', shop], "say which request, such as 'GET https://host/path'"],
    [['explain', '-f', shop, 'GET ftp://a/b'], 'is not a request'],
    [['explain', '-f', shop, 'GET api.shop.example.com/orders'], '"GET api.shop.example.com/orders" is not a request'],
    [['explain', '-f', shop, 'GET https://[::1/'], 'is not a request'],
    [
      ['explain', '-f', shop, 'GET https://alice:pw@a.test/'],
      'evengate: a URL with a user is sent by nobody; write -H',
    ],
    [['explain', '-f', shop, 'GET https://a.test:99999/'], '99999 is no port'],
    [['explain', '-f', 'no-such-folder', orders], 'no-such-folder'],
    [['explain', '-f', shop, orders, '--claims', '{'], '--claims'],
    [['explain', '-f', shop, orders, '--client-ip', '1.2'], '1.2'],
    [['explain', '-f', shop, orders, '--gateway', 'a/b'], 'a/b'],
  ])('ends with 2 on %j', async (args, sentence) => {
    const { code, stderr } = await evengate(...args);
    expect(stderr).toContain(sentence);
    expect(code).toBe(2);
  });
});

describe('evengate explain, in a mesh', () => {
  const mesh = 'examples/mesh';
  const claims = JSON.stringify({ iss: 'https://login.shop.example.com', aud: 'shop', scope: 'orders.read' });

  test('says what each point makes of what the gateway forwards, and by which rule', async () => {
    const asked = 'GET http://api.shop.example.com/orders';
    const { stdout } = await evengate('explain', '-f', mesh, asked, '--claims', claims);
    expect(stdout).toContain('In the mesh, cluster.local/ns/gateways/sa/edge-edge asks Service shop/orders port 80:');
    expect(stdout).toMatch(/sidecar +✓ admits it: shop\/orders:readers, allowed by rule \d+ of AuthorizationPolicy/);
  });

  test('says nothing of the mesh where nothing is forwarded', async () => {
    const { stdout } = await evengate(
      'explain',
      '-f',
      mesh,
      'GET http://api.shop.example.com/orders',
      '--from',
      'edge',
    );
    expect(stdout).toContain('401 Unauthorized');
    expect(stdout).not.toContain('In the mesh');
  });

  test.each([
    ['billing/batch', /✓ admits it: shop\/orders:billing-job/, 'The policies admit the caller: AuthPolicy shop/orders'],
    ['billing/other', /✗ refuses it \(403\): no rule allows it/, 'The policies refuse the caller (403): no rule names'],
    [
      'test/any',
      /✗ refuses it \(403\): shop\/orders:not-test, denied by rule \d+/,
      'The policies refuse the caller (403)',
    ],
  ])('of a call by %s', async (from, point, policies) => {
    const { code, stdout } = await evengate('explain', '-f', mesh, 'GET http://orders.shop/orders', '--from', from);
    expect(stdout).toMatch(point);
    expect(stdout).toContain(policies);
    expect(code).toBe(0);
  });

  test.each(['/a/../orders', '/%6frders', '/x/%2e%2e/orders?y=/..'])(
    'a path is the one that the proxy makes of it: %s',
    async (path) => {
      const asked = `GET http://orders.shop${path}`;
      const { stdout } = await evengate('explain', '-f', mesh, asked, '--from', 'billing/batch');
      expect(stdout).toContain('✓ admits it: shop/orders:billing-job');
      expect(stdout).toContain('The policies admit the caller');
    },
  );

  test('answers for scripts in JSON', async () => {
    const asked = ['GET http://orders.shop.svc.cluster.local/orders', '--from', 'billing/batch', '-o', 'json'];
    const { stdout } = await evengate('explain', '-f', mesh, ...asked);
    expect(JSON.parse(stdout)).toMatchObject({
      mesh: [
        {
          service: 'shop/orders port 80',
          points: [{ point: 'sidecar', admitted: true, rule: 'shop/orders:billing-job' }],
        },
      ],
      policies: { admitted: true },
    });
  });

  test.each([
    ['GET http://orders.shop/orders', 'billing', '--from billing is nobody; write edge, or a service account'],
    ['GET http://orders.shop/orders', 'a/b/c', '--from a/b/c is nobody'],
    ['GET http://orders.shop/orders', '', '--from "" is nobody'],
    ['GET http://orders.shop/', 'spiffe://td/ns/billing/sa/batch', '/sa/batch is written billing/batch here'],
    ['GET http://orders.shop/', 'td/ns/billing/sa/batch', '/sa/batch is written billing/batch here'],
    ['GET http://orders.shop/', 'system:serviceaccount:billing:batch', 'is written billing/batch here'],
    ['get http://orders.shop/orders', 'billing/batch', '"get" is not a method that Envoy takes'],
    ['GET http://orders.shop/%00', 'billing/batch', 'a proxy answers 400, because the path holds %00'],
    ['GET http://orders.nowhere/', 'billing/batch', 'there is no Service nowhere/orders'],
    ['GET http://orders.shop:81/', 'billing/batch', 'Service shop/orders has no port 81; it has 80'],
    ['GET http://api.shop.example.com/', 'billing/batch', 'api.shop.example.com is no Service'],
    ['GET https://orders.shop/', 'billing/batch', 'inside the mesh callers say http://'],
  ])('ends with 2 on %s from %s', async (asked, from, sentence) => {
    const { code, stderr } = await evengate('explain', '-f', mesh, asked, '--from', from);
    expect(stderr).toContain(sentence);
    expect(code).toBe(2);
  });

  test('ends with 2 on a Service that no mesh enforces', async () => {
    const { code, stderr } = await evengate(
      'explain',
      '-f',
      shop,
      'GET http://orders.shop/',
      '--from',
      'billing/batch',
    );
    expect(stderr).toContain('is not enforced in a mesh');
    expect(code).toBe(2);
  });
});
