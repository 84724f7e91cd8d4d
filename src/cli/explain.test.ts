import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { authPolicy, corpJwks, gateway, route, service } from '../testing/build.ts';
import { fakeIo } from '../testing/fake-io.ts';
import { explainCommand } from './explain-command.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'explain-'));
  const jwt = [{ name: 'corp', issuer: 'https://login.example.com', jwks: { inline: corpJwks } }];
  const readers = { allow: [{ name: 'readers', when: [{ claim: 'scope', values: ['orders.read'] }] }] };
  write('shop.yaml', [
    gateway(),
    gateway({ listeners: [{ name: 'web', port: 80, protocol: 'HTTP', hostname: 'other.test' }] }, { name: 'other' }),
    service(),
    route({ hostnames: ['shop.test'] }),
    authPolicy({ authenticate: { jwt }, authorize: readers }),
  ]);
  writeFileSync(join(root, 'bad.yaml'), 'kind: [');
  writeFileSync(join(root, 'none.yaml'), '');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, objects: readonly object[]): void {
  writeFileSync(join(root, name), objects.map((object) => JSON.stringify(object)).join('\n---\n'));
}

interface Run {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...args: readonly string[]): Promise<Run> {
  const io = fakeIo();
  let code: number | undefined;
  const command = new Command('explain').option('-f, --file <path...>').exitOverride();
  const end = (result: number) => {
    code = result;
  };
  await explainCommand(command, { io, end }).parseAsync([...args], { from: 'user' });
  return { code, ...io.written };
}

const shop = () => ['-f', join(root, 'shop.yaml')];
const request = 'GET http://shop.test/a/../orders';

describe('evengate explain', () => {
  test('tells the way of a request that is refused, and ends well', async () => {
    const { code, stdout, stderr } = await run(request, ...shop(), '--claims', '{"iss":"https://login.example.com"}');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toBe(`GET http://shop.test/a/../orders

  listener  ✓ ApiGateway shop/edge, listener web (HTTP on port 80)
  request   ✓ the path /a/../orders is normalised to /orders
  host      ✓ shop.test
  route     ✓ Route shop/orders, rule all: PathPrefix /
  token     ✓ valid, from https://login.example.com
  policy    ✗ AuthPolicy shop/orders does not allow it
              - rule readers needs the claim scope to be orders.read

403 Forbidden: AuthPolicy shop/orders does not allow it
`);
  });

  test('and of one that is served', async () => {
    const claims = '{"iss":"https://login.example.com","scope":"orders.read"}';
    const { stdout } = await run('http://shop.test/', ...shop(), '--claims', claims);
    expect(stdout).toContain('✓ AuthPolicy shop/orders allows it: rule readers');
    expect(stdout).toContain('Forwarded to Service shop/orders port 80\nwhich sees the path / and the host shop.test');
  });

  test('as JSON', async () => {
    const { code, stdout } = await run(request, ...shop(), '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      request: { method: 'GET', url: 'http://shop.test/a/../orders' },
      answers: [
        {
          gateway: 'shop/edge',
          status: 401,
          outcome: { kind: 'refused' },
          route: { ref: { name: 'orders' }, rule: 'all' },
        },
      ],
    });
  });

  test('of several gateways, the one that knows the host answers, unless one is named', async () => {
    const known = await run('http://other.test/', ...shop(), '-o', 'json');
    expect(JSON.parse(known.stdout)).toMatchObject({ answers: [{ gateway: 'shop/other', status: 404 }] });
    const named = await run('http://other.test/', ...shop(), '--gateway', 'shop/edge', '-o', 'json');
    expect(JSON.parse(named.stdout)).toMatchObject({ answers: [{ gateway: 'shop/edge', host: '*' }] });
  });

  test('a token in a header is verified, -H may be repeated', async () => {
    const { stdout } = await run(request, ...shop(), '-H', 'x-a: b', '-H', 'authorization: Bearer opaque');
    expect(stdout).toContain('a token of https://login.example.com is needed, and this one is of no issuer known here');
  });

  test('nothing in a request moves the cursor', async () => {
    const { stdout } = await run('http://shop.test/', ...shop(), '-H', 'host: \u001b[31m\u202e');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).not.toContain('\u202e');
  });

  test.each<readonly [string, readonly string[], string]>([
    ['a request', ['shop.test/orders'], 'is not a request; write it as'],
    ['a header', ['http://shop.test/', '-H', 'x-a'], "is not a header; write it as 'name: value'"],
    ['claims', ['http://shop.test/', '--claims', '{"sub":"a"}'], 'is not a JSON object with an iss'],
    ['claims in JSON', ['http://shop.test/', '--claims', '{'], 'is not a JSON object with an iss'],
    [
      'claims beside a token',
      ['http://shop.test/', '--claims', '{"iss":"a"}', '-H', 'Authorization: x'],
      'exclude each other',
    ],
    ['an address', ['http://shop.test/', '--client-ip', '1.2.3'], 'is not an IP address'],
    ['a gateway', ['http://shop.test/', '--gateway', 'shop/none'], 'there is shop/edge, shop/other'],
  ])('cannot use %s', async (_, args, sentence) => {
    const { code, stdout, stderr } = await run(...args, ...shop());
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  test('what cannot be read is told, and the rest explained', async () => {
    const { code, stdout, stderr } = await run(request, ...shop(), join(root, 'bad.yaml'));
    expect(code).toBe(2);
    expect(stdout).toContain('Route shop/orders');
    expect(stderr).toContain('bad.yaml:1');
  });

  test('without any manifest there is nothing to explain', async () => {
    const { code, stderr } = await run(request, '-f', join(root, 'none.yaml'));
    expect(code).toBe(2);
    expect(stderr).toContain('no object that Evengate reads');
  });
});
