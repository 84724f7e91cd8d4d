import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { authPolicy, gateway, meshConfig, route, routeTarget, service } from '../testing/build.ts';
import { fakeIo } from '../testing/fake-io.ts';
import { signingKey } from '../testing/rig-tokens.ts';
import { runProgram } from './program.ts';

const uri = 'https://login.example.com/keys';
const jwt = [{ name: 'corp', issuer: 'https://login.example.com', jwks: { uri } }];
const items = [
  meshConfig(),
  gateway({ listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }], mesh: { mode: 'Sidecar' } }),
  service({ selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] }),
  route({ rules: [{ name: 'all', backendRefs: [{ name: 'orders', port: 80 }] }] }),
  authPolicy({ targetRefs: [routeTarget()], authenticate: { jwt } }),
];
const directory = mkdtempSync(join(tmpdir(), 'evengate-keys-'));
const manifests = join(directory, 'manifests.json');
writeFileSync(manifests, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
afterAll(() => rmSync(directory, { recursive: true }));

const { text } = await (await signingKey('a')).sign({ iss: 'https://login.example.com' });
const bearer = `authorization: Bearer ${text}`;
const url = 'http://shop.example.com/';

async function evengate(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runProgram([args[0] ?? '', '-f', manifests, ...args.slice(1)], io);
  return { code, ...io.written };
}

describe('keys that are fetched by what runs', () => {
  test.each([
    [['explain', url, '-H', bearer], 'at the edge'],
    [['explain', 'http://orders.shop/', '-H', bearer, '--from', 'billing/batch'], 'inside the mesh'],
  ])('a token of theirs is not verified by %j', async (args) => {
    const { stderr, code } = await evengate(...args);
    expect(stderr).toContain(
      `note: the keys of https://login.example.com are fetched from ${uri} by what runs, and not here: the token counts as one that does not verify; say what is in it with --claims`,
    );
    expect(code).toBe(0);
    const { stdout } = await evengate(...args, '-o', 'json');
    expect(stdout).toContain('"notes": [');
  });

  test.each([
    [['explain', url]],
    [['explain', url, '-H', 'authorization: Bearer opaque']],
    [['explain', url, '--claims', '{"iss": "https://login.example.com"}']],
  ])('nothing is said where nobody asked for them: %j', async (args) => {
    expect((await evengate(...args)).stderr).toBe('');
    expect((await evengate(...args, '-o', 'json')).stdout).not.toContain('are fetched');
  });

  test('prove says that it compares an address, and how to compare the keys', async () => {
    const { stdout, stderr, code } = await evengate('prove');
    expect(stdout).toMatch(/^equivalent over/m);
    expect(stderr).toContain(`are fetched from ${uri} by the operator, which writes them on both sides`);
    expect(stderr).toContain('give the keys as jwks.inline or jwks.configMapRef to have them compared');
    expect(code).toBe(0);
    expect(JSON.parse((await evengate('prove', '-o', 'json')).stdout)).toMatchObject({ notes: [expect.any(String)] });
  });
});
