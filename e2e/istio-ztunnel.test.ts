/** ztunnel, of which no program is at hand: what istiod would send it, and what it documents that it makes of that. */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SecurityObject } from '../src/istio/security.ts';
import { decideInMesh } from '../src/proof/istio.ts';
import { mapStrings } from '../src/testing/envoy-batch.ts';
import { sampling } from '../src/testing/fuzz.ts';
import { type FourWorld, fourWorlds, podLabels, rootNamespace, rootObjects } from '../src/testing/mesh/layer-four.ts';
import { istioOracle, type ZtunnelAnswer } from '../src/testing/mesh/oracle.ts';
import { type Connection, ztunnelDecides } from '../src/testing/mesh/ztunnel.ts';
import { askZtunnel, type Pod, requestOf } from '../src/testing/mesh/ztunnel-pods.ts';
import { goProgram, judges } from './tools/go-program.ts';

const program = await goProgram(judges.istio);
const oracle = 'skip' in program ? undefined : istioOracle(program.binary);
const suite = oracle === undefined ? describe.skip : describe;

async function ask(objects: readonly object[], pods: readonly Pod[]): Promise<readonly ZtunnelAnswer[]> {
  return oracle === undefined ? [] : await askZtunnel(oracle, objects, pods);
}

function placed(world: FourWorld, index: number): FourWorld & { readonly pod: Pod } {
  const namespace = `w${index}`;
  const filled = mapStrings(world, (text) => text.replaceAll('OWN', namespace)) as FourWorld;
  return { ...filled, pod: { namespace, labels: podLabels } };
}

const batches = fc.tuple(rootObjects, fc.array(fourWorlds, { minLength: 30, maxLength: 30 }));

afterAll(() => oracle?.stop());

suite('of any objects, ztunnel', () => {
  test('decides what their evaluator says', async () => {
    const seen = { admitted: 0, refused: 0 };
    for (const [root, some] of fc.sample(batches, sampling(8))) {
      const own = some.map(placed);
      const all = [...root, ...own.flatMap(({ objects }) => objects)];
      const answers = await ask(
        all,
        own.map(({ pod }) => pod),
      );
      const tries = own.flatMap(({ connections, ...world }, index) =>
        connections.map((connection) => ({ connection, ...world, policies: answers[index]?.policies ?? [] })),
      );
      for (const { connection, pod, objects, policies } of tries) {
        const { admitted } = ztunnelDecides(policies, connection);
        const proved = decideInMesh([...root, ...objects], 'ztunnel', requestOf(connection, pod)).admitted;
        if (proved !== admitted) throw new Error(JSON.stringify({ connection, proved, root, objects, policies }));
        seen[admitted ? 'admitted' : 'refused'] += 1;
      }
    }
    expect(Math.min(seen.admitted, seen.refused)).toBeGreaterThan(1000);
  }, 120_000);

  const web: Connection = {
    principal: 'cluster.local/ns/shop/sa/web',
    sourceIp: '10.0.0.1',
    destinationIp: '10.0.0.2',
    port: 8080,
  };
  const { principal: _, ...plaintext } = web;
  const pod: Pod = { namespace: 'shop', labels: podLabels };

  function policy(spec: object): SecurityObject {
    const metadata = { name: 'policy', namespace: 'shop' };
    return { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata, spec } as SecurityObject;
  }
  const get = { operation: { methods: ['GET'] } };
  const fromWeb = { source: { principals: ['cluster.local/ns/shop/sa/web'] } };
  const unsupported = ['UnsupportedValue'];

  test.each<readonly [string, object, { readonly admits: boolean; readonly reasons?: readonly string[] }]>([
    ['an ALLOW without rules', {}, { admits: false }],
    ['an ALLOW of anything', { rules: [{}] }, { admits: true }],
    ['a DENY of anything', { action: 'DENY', rules: [{}] }, { admits: false }],
    ['an ALLOW of a method', { rules: [{ from: [fromWeb], to: [get] }] }, { admits: false, reasons: unsupported }],
    // What it says is not what it does.
    ['a DENY of a method', { action: 'DENY', rules: [{ to: [get] }] }, { admits: true, reasons: unsupported }],
    [
      'a DENY of a method, of a caller',
      { action: 'DENY', rules: [{ from: [fromWeb], to: [get] }] },
      { admits: true, reasons: unsupported },
    ],
    [
      'a DENY of a method on a port, of a caller',
      { action: 'DENY', rules: [{ from: [fromWeb], to: [{ operation: { methods: ['GET'], ports: ['8080'] } }] }] },
      { admits: false, reasons: unsupported },
    ],
    [
      'a DENY of a header, of a caller',
      { action: 'DENY', rules: [{ from: [fromWeb], when: [{ key: 'request.headers[x-team]', values: ['red'] }] }] },
      { admits: true, reasons: unsupported },
    ],
    // And here it says nothing.
    [
      'a DENY of a trust domain',
      { action: 'DENY', rules: [{ from: [{ source: { trustDomains: ['*'] } }] }] },
      { admits: true },
    ],
    [
      'an ALLOW of a caller of another trust domain',
      { rules: [{ from: [{ source: { ...fromWeb.source, trustDomains: ['old.td'] } }] }] },
      { admits: true },
    ],
  ])('%s', async (_name, spec, { admits, reasons = ['Accepted'] }) => {
    const [{ policies, accepted } = { policies: [], accepted: [] }] = await ask([policy(spec)], [pod]);
    expect(accepted.map(({ reason }) => reason)).toEqual(reasons);
    expect(ztunnelDecides(policies, web).admitted).toBe(admits);
    expect(decideInMesh([policy(spec)], 'ztunnel', requestOf(web, pod)).admitted).toBe(admits);
  });

  const strict = { mode: 'STRICT' };
  const narrow = { selector: { matchLabels: { app: 'orders' } } };
  test.each<readonly [string, Readonly<Record<string, object>>, boolean]>([
    ['STRICT for a port', { shop: { ...narrow, portLevelMtls: { 8080: strict } } }, false],
    ['STRICT for another port', { shop: { ...narrow, portLevelMtls: { 9090: strict } } }, true],
    // Ambient knows no DISABLE, but it takes it for PERMISSIVE where it is not the only one to say so.
    [
      'DISABLE for a port of a STRICT mesh',
      { [rootNamespace]: { mtls: strict }, shop: { ...narrow, portLevelMtls: { 8080: { mode: 'DISABLE' } } } },
      false,
    ],
    // istiod takes the port for one that the mesh has closed already.
    [
      'STRICT for a port of a PERMISSIVE workload of a STRICT mesh',
      {
        [rootNamespace]: { mtls: strict },
        shop: { ...narrow, mtls: { mode: 'PERMISSIVE' }, portLevelMtls: { 8080: strict } },
      },
      true,
    ],
  ])('and plaintext: %s', async (_name, specs, admits) => {
    const objects = Object.entries(specs).map(([namespace, spec]) => {
      const metadata = { name: 'peer', namespace };
      return { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata, spec } as SecurityObject;
    });
    const [{ policies } = { policies: [] }] = await ask(objects, [pod]);
    expect(ztunnelDecides(policies, plaintext).admitted).toBe(admits);
    expect(decideInMesh(objects, 'ztunnel', requestOf(plaintext, pod)).admitted).toBe(admits);
    expect(ztunnelDecides(policies, web).admitted).toBe(true);
  });
});
