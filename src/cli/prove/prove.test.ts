import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { prove } from '../../proof/prove.ts';
import { proofWorld } from '../../proof/world.ts';
import { fakeIo } from '../../testing/fake-io.ts';
import { load } from '../load.ts';
import { runProgram } from '../program.ts';
import { jsonProof, textProof } from './report.ts';

const mesh = 'examples/mesh';

async function evengate(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runProgram(args, io);
  return { code, ...io.written };
}

test('says over how many regions they are equivalent, and what has to differ', async () => {
  const { code, stdout } = await evengate('prove', '-f', mesh);
  expect(stdout).toMatch(/^shop\/orders {2}sidecar {2}equivalent over [\d,]+ regions$/m);
  expect(stdout).toMatch(/^ {4}MissingCredential, \d+ regions: Without any credential the edge answers 401/m);
  expect(stdout).toMatch(/^ {4}PartlyAtEdge, \d+ regions: AuthPolicy shop\/orders: /m);
  expect(stdout).toMatch(/\nequivalent over [\d,]+ regions\n$/);
  expect(code).toBe(0);
});

test('--strict takes what has to differ for a difference', async () => {
  expect((await evengate('prove', '--strict', '-f', mesh)).code).toBe(1);
});

test('answers for scripts in JSON', async () => {
  const { stdout } = await evengate('prove', '-f', mesh, '-o', 'json');
  expect(JSON.parse(stdout)).toMatchObject({
    equivalent: true,
    workloads: [{ workload: 'shop/orders', points: ['sidecar'], equivalent: true, limits: [{}, {}] }],
  });
});

test('shows the first request on which they differ, as curl, and which rule says so', async () => {
  const io = fakeIo();
  const { resolution, set } = await load([mesh], io);
  const world = proofWorld(resolution);
  const workloads = world.workloads.map((one) => ({ ...one, objects: [] }));
  const [workload] = workloads;
  const destinations = [...world.destinations].map(
    ([cluster, to]) => [cluster, { ...to, ...(workload && { workload }) }] as const,
  );
  const proof = prove(
    resolution,
    set.snapshot.Service,
    {},
    { ...world, workloads, destinations: new Map(destinations) },
  );
  const text = textProof(proof, io.stdout);
  expect(text).toContain('shop/orders  sidecar  differs');
  expect(text).toContain('not equivalent: shop/orders differs from its edge');
  expect(text).toMatch(/^ {2}curl -i --path-as-is -X [A-Z]+ .*'http:\/\/api\.shop\.example\.com\//m);
  expect(text).toMatch(/^ {2}edge: {4}refuses \(40[13]\), /m);
  expect(text).toMatch(/^ {2}sidecar: admits, no policy is about the workload/m);
  expect(JSON.parse(jsonProof(proof))).toMatchObject({
    equivalent: false,
    workloads: [{ difference: { curl: expect.any(String) } }],
  });
});

test.each([
  [['prove'], 'say which manifests to read with -f PATH'],
  [['prove', '-f', 'no-such-folder'], 'no-such-folder'],
  [
    ['prove', '-f', 'examples/shop'],
    'nothing is enforced in a mesh: no ApiGateway among these manifests has spec.mesh',
  ],
])('ends with 2 on %j', async (args, sentence) => {
  const { code, stderr } = await evengate(...args);
  expect(stderr).toContain(sentence);
  expect(code).toBe(2);
});

test('manifests of another class are proved as well, where there is no other', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'evengate-prove-'));
  cpSync(mesh, directory, { recursive: true });
  const gateway = join(directory, '1-edge.yaml');
  writeFileSync(gateway, readFileSync(gateway, 'utf8').replace(/^spec:$/m, 'spec:\n  className: internal'));
  const { code, stdout } = await evengate('prove', '-f', directory);
  const explained = await evengate(
    'explain',
    '-f',
    directory,
    '--class',
    'internal',
    'GET http://api.shop.example.com/',
  );
  rmSync(directory, { recursive: true });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/\nequivalent over/)]);
  expect([explained.code, explained.stdout]).toEqual([0, expect.stringContaining('ApiGateway gateways/edge')]);
});

test('help shows an example that works', async () => {
  const { stdout } = await evengate('help', 'prove');
  expect(stdout).toContain('evengate prove -f examples/mesh');
});
