/** What is written for workloads in mode Ambient, as far as ztunnel decides: held against decisions, policies and istiod. */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MeshRule, MeshWorkload } from '../src/ir/mesh.ts';
import { dryRunAnnotation, type SecurityObject } from '../src/istio/security.ts';
import type { KubeObject } from '../src/kube/object.ts';
import { evaluate } from '../src/policy/evaluate.ts';
import { decideInMesh } from '../src/proof/istio.ts';
import { meshObjects } from '../src/render/mesh.ts';
import { type Resolution, resolver } from '../src/resolve/resolve.ts';
import { snapshotOf } from '../src/testing/build.ts';
import { mapStrings } from '../src/testing/envoy-batch.ts';
import { sampling } from '../src/testing/fuzz.ts';
import { naiveInside } from '../src/testing/mesh/naive-inside.ts';
import { istioOracle, type ZtunnelAnswer } from '../src/testing/mesh/oracle.ts';
import { testTokens } from '../src/testing/mesh/tokens.ts';
import { targetPort, type World, waypointName, worlds } from '../src/testing/mesh/worlds.ts';
import { type Connection, ztunnelDecides } from '../src/testing/mesh/ztunnel.ts';
import { askZtunnel, requestOf } from '../src/testing/mesh/ztunnel-pods.ts';
import { goProgram, judges } from './tools/go-program.ts';

const program = await goProgram(judges.istio);
const oracle = 'skip' in program ? undefined : istioOracle(program.binary);
const suite = oracle === undefined ? describe.skip : describe;
const tokens = await testTokens();

/** In mode Ambient, without what its sets of policies say of a waypoint. */
function ambient(world: World, index: number, waypoint: boolean): readonly KubeObject[] {
  const namespace = `w${index}`;
  const mesh = waypoint ? { mode: 'Ambient', waypoint: { name: waypointName } } : { mode: 'Ambient' };
  const jwks: Readonly<Record<string, string>> = { 'JWKS-A': tokens.jwks.a, 'JWKS-B': tokens.jwks.b };
  const filled = (text: string) => jwks[text] ?? text.replaceAll('WORLD', namespace);
  const objects = world.objects.map((object) => {
    const { spec } = object as KubeObject & { readonly spec: object };
    return mapStrings(object.kind === 'ApiGateway' ? { ...object, spec: { ...spec, mesh } } : object, filled);
  });
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...(objects as KubeObject[])];
}

interface Mesh {
  readonly resolution: Resolution;
  readonly workloads: readonly MeshWorkload[];
  readonly objects: readonly SecurityObject[];
  readonly answers: readonly ZtunnelAnswer[];
}

async function resolved(all: readonly World[], waypoint: boolean): Promise<Mesh> {
  const resolution = resolver()(snapshotOf(all.flatMap((world, index) => ambient(world, index, waypoint))));
  const workloads = [...resolution.mesh.workloads.values()];
  const objects = workloads.flatMap((workload) => meshObjects(workload, 'evengate'));
  const pods = workloads.map(({ namespace, selector }) => ({ namespace, labels: selector }));
  const answers = oracle === undefined ? [] : await askZtunnel(oracle, objects, pods);
  return { resolution, workloads, objects, answers };
}

const otherPort = 9999;

function connectionsTo({ namespace, settings: { trustDomain } }: MeshWorkload): readonly Connection[] {
  const accounts = [
    ['billing', 'job'],
    ['billing', 'batch'],
    ['other', 'default'],
    [namespace, 'batch'],
    [namespace, 'edge-edge-0'],
    [namespace, 'edge-edge-1'],
    [namespace, waypointName],
  ];
  const principals = accounts.map(([own, name]) => ({ principal: `${trustDomain}/ns/${own}/sa/${name}` }));
  const foreign = { principal: 'elsewhere.example/ns/billing/sa/job' };
  return [...principals, foreign, {}].flatMap((caller) =>
    [targetPort, otherPort].map((port) => ({ ...caller, sourceIp: '10.0.0.1', destinationIp: '10.0.0.2', port })),
  );
}

/** Of layer 4 alone: what a decision that looks at nothing else says. */
function decisionSays({ decision: { allow, deny }, settings }: MeshWorkload, { principal, port }: Connection): boolean {
  if (port === otherPort) return true;
  // mTLS is asked for on closed ports.
  if (principal === undefined && settings.mtls === 'Strict') return false;
  const conjunctions = (rules: readonly MeshRule[]) => rules.map(({ conjunction }) => conjunction);
  const facts = { method: '', path: '', host: '', headers: new Map(), directIp: '', remoteIp: '' };
  const caller = principal === undefined ? {} : { principal };
  return evaluate({ allow: conjunctions(allow), deny: conjunctions(deny) }, { ...facts, ...caller }).admitted;
}

function isLayerFour({ conjunction: { constraints } }: MeshRule): boolean {
  return constraints.every(({ attribute: { kind } }) => kind === 'principal');
}

suite('of what is written for a workload, ztunnel', () => {
  afterAll(() => oracle?.stop());

  const sets = fc.sample(worlds({ outside: 0, inside: 25 }), sampling(80));
  const meshes = new Map<boolean, Promise<Mesh>>();
  const meshOf = (waypoint: boolean): Promise<Mesh> => {
    const mesh = meshes.get(waypoint) ?? resolved(sets, waypoint);
    meshes.set(waypoint, mesh);
    return mesh;
  };

  test('without a waypoint decides as the decision does, which looks at nothing that it does not see', async () => {
    const { workloads, objects, answers } = await meshOf(false);
    const seen = { admitted: 0, refused: 0 };
    for (const [index, workload] of workloads.entries()) {
      const { policies = [] } = answers[index] ?? {};
      expect([...workload.decision.allow, ...workload.decision.deny].filter((rule) => !isLayerFour(rule))).toEqual([]);
      const pod = { namespace: workload.namespace, labels: workload.selector };
      for (const connection of connectionsTo(workload)) {
        const { admitted } = ztunnelDecides(policies, connection);
        const proved = decideInMesh(objects, 'ztunnel', requestOf(connection, pod)).admitted;
        expect({ workload, connection, admitted, proved }).toMatchObject({
          admitted: decisionSays(workload, connection),
          proved: admitted,
        });
        if (connection.port === targetPort) seen[admitted ? 'admitted' : 'refused'] += 1;
      }
    }
    expect(Math.min(seen.admitted, seen.refused)).toBeGreaterThan(80);
  });

  test('without a waypoint admits nobody of the mesh whom the policies refuse', async () => {
    const { resolution, workloads, answers } = await meshOf(false);
    const policiesOf = new Map(workloads.map(({ key }, index) => [key, answers[index]?.policies ?? []]));
    let admitted = 0;
    for (const [index, { inside }] of sets.entries()) {
      const namespace = `w${index}`;
      for (const request of inside) {
        const policies = policiesOf.get(`${namespace}/${request.service}`);
        const principal = request.caller.replaceAll('WORLD', namespace);
        const connection = { principal, sourceIp: '10.0.0.1', destinationIp: '10.0.0.2', port: targetPort };
        if (policies === undefined || !ztunnelDecides(policies, connection).admitted) continue;
        const meant = naiveInside(resolution, { namespace, request, tokens });
        if (meant === 403) throw new Error(JSON.stringify({ request, world: sets[index] }));
        admitted += 1;
      }
    }
    expect(admitted).toBeGreaterThan(5);
  });

  test('with a waypoint admits the waypoint alone, to closed ports', async () => {
    const { workloads, objects, answers } = await meshOf(true);
    for (const [index, workload] of workloads.entries()) {
      const { policies = [] } = answers[index] ?? {};
      const { namespace, selector, settings } = workload;
      for (const connection of connectionsTo(workload)) {
        const { admitted } = ztunnelDecides(policies, connection);
        const isWaypoint = connection.principal === `${settings.trustDomain}/ns/${namespace}/sa/${waypointName}`;
        const request = requestOf(connection, { namespace, labels: selector });
        expect({
          workload,
          connection,
          admitted,
          proved: decideInMesh(objects, 'ztunnel', request).admitted,
        }).toMatchObject({
          admitted: isWaypoint || connection.port === otherPort,
          proved: admitted,
        });
      }
    }
  });

  test.each([true, false])('is handed all of it, and istiod says so (waypoint: %s)', async (waypoint) => {
    const { objects, answers } = await meshOf(waypoint);
    const rules = new Map<string, number>();
    for (const { kind, metadata, spec = {} } of objects) {
      // What is only counted is counted at no ztunnel that is not told to.
      if (kind !== 'AuthorizationPolicy' || metadata.annotations?.[dryRunAnnotation] !== undefined) continue;
      const count = 'rules' in spec ? (spec.rules?.length ?? 0) : 0;
      if ('selector' in spec) rules.set(`${metadata.namespace}/${metadata.name}`, count);
    }
    const seen = new Set<string>();
    for (const { policies, accepted } of answers) {
      for (const [index, { namespace, name, groups = [] }] of (policies as unknown as readonly Written[]).entries()) {
        // The rest of them is what istiod makes of mTLS.
        const key = `${namespace}/${name}`;
        if (!rules.has(key)) continue;
        seen.add(key);
        const matches = groups.flatMap((group) => group.rules ?? []).flatMap((clause) => clause.matches ?? []);
        // A rule left out, or a match left empty, would open what a DENY closes.
        expect([key, groups.length]).toEqual([key, rules.get(key) ?? 0]);
        expect(matches.filter((match) => Object.keys(match).length === 0)).toEqual([]);
        expect(accepted[index]).toMatchObject({ bound: true, reason: 'Accepted' });
      }
    }
    expect(seen).toEqual(new Set(rules.keys()));
  });
});

interface Written {
  readonly namespace: string;
  readonly name: string;
  readonly groups?: readonly { readonly rules?: readonly { readonly matches?: readonly object[] }[] }[];
}
