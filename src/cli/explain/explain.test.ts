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
