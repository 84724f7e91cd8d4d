/** Paths as Istio's own tests have them: what the edge forwards is read by every mesh as the edge read it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { resolver } from '../src/resolve/resolve.ts';
import { gateway, route, service, snapshotOf } from '../src/testing/build.ts';
import { type EnvoyVersion, envoyBinary, envoyVersions, istioOf } from '../src/testing/envoy-versions.ts';
import { meshAuthority } from '../src/testing/mesh/authority.ts';
import { type EdgeAnswer, type EdgeEnvoy, startEdgeEnvoy } from '../src/testing/mesh/edge-envoy.ts';
import { pathHeader } from '../src/testing/mesh/hosted.ts';
import { loopback } from '../src/testing/mesh/loopback.ts';
import { type MeshEnvoy, startMeshEnvoy } from '../src/testing/mesh/mesh-envoy.ts';
import { istioOracle, type ListenerAnswer } from '../src/testing/mesh/oracle.ts';
import { pairsByTable } from '../src/testing/mesh/tables/istio-source.ts';
import { type Mode, modes, pathTables } from '../src/testing/mesh/tables/normalization.ts';
import { goProgram, judges, moduleFolder } from './tools/go-program.ts';

const program = await goProgram(judges.istio);
const edgeBinary = await envoyBinary('1.40.0');
const oracle = 'skip' in program ? undefined : istioOracle(program.binary);
const folder = 'skip' in program ? undefined : await moduleFolder(judges.istio, 'istio.io/istio');
const sent = [...new Set(pathTables.flatMap(({ pairs }) => pairs.map(([path]) => path)))];

afterAll(() => oracle?.stop());

(folder === undefined ? describe.skip : describe)('every pair of Istio is there', () => {
  test('by tables', () => {
    const text = readFileSync(join(folder ?? '', 'tests/integration/security/normalization_test.go'), 'utf8');
    const ours = pathTables.map(({ name, pairs }) => [name, pairs.length] as const);
    // Istio, too, makes this one up.
    expect(new Map(ours)).toEqual(new Map([...pairsByTable(text), ['PercentEncoded', 0xff]]));
  });
});

let envoy: EdgeEnvoy | undefined;
beforeAll(async () => {
  if (!('skip' in edgeBinary)) envoy = await startEdge(edgeBinary.binary);
}, 60_000);
afterAll(() => envoy?.stop());

for (const version of envoyVersions) {
  const mesh = await envoyBinary(version);
  if (oracle === undefined || 'skip' in edgeBinary || 'skip' in mesh)
    describe.skip(`Envoy ${version}`, () => test.todo('paths'));
  else describe(`Envoy ${version}`, () => readings(version, mesh.binary));
}

function readings(version: EnvoyVersion, binary: string): void {
  let proxies: MeshEnvoy | undefined;
  const read = async (mode: Mode, target: string): Promise<string | number> => {
    const request = { to: mode, identity: undefined, method: 'GET', target, headers: [['host', 'orders']] as const };
    const { status, headers } = await (proxies ?? missing()).exchange(request);
    return headers.find(([name]) => name === pathHeader)?.[1] ?? status;
  };

  beforeAll(async () => {
    proxies = await startProxies(version, binary);
  }, 60_000);
  afterAll(() => proxies?.stop());

  test.each(pathTables.map(({ name, ...table }) => [name, table] as const))('mesh: %s', async (_name, table) => {
    const seen = await Promise.all(table.pairs.map(async ([path]) => [path, await read(table.mode, path)] as const));
    expect(seen).toEqual(table.pairs.map(([path, out]) => [path, asOf(version, path) ?? out]));
  });

  test('what the edge forwards is what the mesh would have made of it, and no mesh changes it', async () => {
    const answers = await Promise.all(sent.map((path) => through(envoy ?? missing(), path)));
    const problems = sent.map(async (path, index): Promise<readonly string[]> => {
      const made = await read('DECODE_AND_MERGE_SLASHES', path);
      const answer = answers[index] ?? missing();
      // Whoever follows the redirection asks for what the mesh would have made of it.
      const { received } = answer.status === 307 ? await through(envoy ?? missing(), String(made)) : answer;
      if (received === undefined) return answer.status === 400 ? [] : [`${path}: ${answer.status}`];
      const behind = await Promise.all(modes.map((mode) => read(mode, received.path)));
      const others = [asOf(version, path) === undefined ? made : received.path, ...behind];
      const odd = others.filter((seen) => seen !== received.path);
      return odd.length === 0 ? [] : [`${path}: the edge forwards ${received.path}, the mesh reads ${odd.join()}`];
    });
    expect((await Promise.all(problems)).flat()).toEqual([]);
    // 400: a fragment, NUL, and path parameters, which only some backends take for a part of the path.
    expect(tally(answers)).toEqual({ forwarded: 284, '307': 7, '400': 6 });
  });
}

/** Before CVE-2026-73511 was fixed, Envoy left this one as it is: from inside the mesh alone, as the edge forwards none. */
function asOf(version: EnvoyVersion, path: string): string | undefined {
  return ['1.37.0', '1.38.3'].includes(version) && path === '/..;/admin' ? path : undefined;
}

function tally(answers: readonly EdgeAnswer[]): Readonly<Record<string, number>> {
  const groups = Map.groupBy(answers, ({ status, received }) =>
    received === undefined ? String(status) : 'forwarded',
  );
  return Object.fromEntries([...groups].map(([name, some]) => [name, some.length]));
}

function through(edge: EdgeEnvoy, target: string): Promise<EdgeAnswer> {
  const headers = [['host', 'orders.example.com']] as const;
  return edge.send({ gateway: 'shop/edge', from: '127.0.0.1', method: 'GET', target, headers });
}

function startEdge(binary: string): Promise<EdgeEnvoy> {
  const objects = [gateway({ defaultAccess: 'Public' }), route(), service()];
  const gateways = [...resolver()(snapshotOf(objects)).gateways.values()];
  return startEdgeEnvoy({ binary, gateways, address: loopback() });
}

/** One sidecar a mode, of a workload that has no policy. */
async function startProxies(version: EnvoyVersion, binary: string): Promise<MeshEnvoy> {
  const address = loopback();
  const labels = { app: 'orders' };
  const ports = [{ name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' }];
  const objects = [service({ selector: labels, ports })];
  const hosted = modes.map(async (mode) => {
    const pod = {
      kind: 'sidecar',
      namespace: 'shop',
      name: 'orders-0',
      labels,
      istioVersion: istioOf[version],
    } as const;
    const meshConfig = { pathNormalization: { normalization: mode } };
    const [answer] = (await oracle?.ask({ objects, meshConfig, proxies: [pod] })) ?? [];
    const { listener } = answer as ListenerAnswer;
    return { kind: 'sidecar', id: mode, address: address(), port: 8080, listener } as const;
  });
  return startMeshEnvoy({ binary, hosted: await Promise.all(hosted), authority: meshAuthority() });
}

function missing(): never {
  throw new Error('the Envoys are not running');
}
