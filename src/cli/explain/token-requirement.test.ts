import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Gateway } from '../../ir/gateway.ts';
import type { KubeObject } from '../../kube/object.ts';
import { answerAtEdge, type ProofToken } from '../../proof/edge.ts';
import { answersInMesh } from '../../proof/mesh-answer.ts';
import { keySetOf } from '../../proof/regions/issuers.ts';
import { callOf } from '../../proof/through-edge.ts';
import { type ProofWorld, proofWorld } from '../../proof/world.ts';
import { explain } from '../../resolve/explain/explain.ts';
import type { ExplainRequest } from '../../resolve/explain/types.ts';
import { resolver } from '../../resolve/resolve.ts';
import {
  authPolicy,
  gateway,
  gatewayTarget,
  meshConfig,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { fuzz } from '../../testing/fuzz.ts';
import { jwksOf, signingKey } from '../../testing/rig-tokens.ts';
import { behindEdge } from './mesh.ts';
import { issuersOf, tokenFacts } from './token.ts';

/** The last one signs for nobody. */
const signers = await Promise.all(['a', 'b', 'c', 'd'].map(async (kid) => await signingKey(kid)));
const sets = [[0], [0, 1], [1, 0], [1, 2], [2]].map((members) =>
  jwksOf(...members.flatMap((index) => signers[index] ?? [])),
);
const corp = 'https://corp';
const other = 'https://other';

const jwtEntry = fc.record({
  issuer: fc.constantFrom(corp, corp, other),
  jwks: fc.constantFrom(...sets).map((inline) => ({ inline })),
  audiences: fc.constantFrom(undefined, ['x'], ['y']),
});
const allow = fc.constantFrom(
  undefined,
  [{ name: 'anyone' }],
  [{ name: 'readers', when: [{ claim: 'scope', values: ['read'] }] }],
  [{ name: 'others', when: [{ claim: 'scope', notValues: ['read'] }] }],
  [{ name: 'corp', from: [{ requestPrincipals: [`${corp}/*`] }] }],
);
const policy = fc
  .record({
    entries: fc.array(jwtEntry, { maxLength: 3 }),
    allow,
    mode: fc.constantFrom('Enforce', 'Enforce', 'Shadow'),
  })
  .map(({ entries, allow: rules, mode }) => ({
    mode,
    ...(entries.length > 0 && {
      authenticate: { jwt: entries.map((one, index) => ({ ...one, name: `issuer-${index}` })) },
    }),
    ...(rules && { authorize: { allow: rules } }),
  }));
const worlds = fc.record({
  outer: fc.option(policy),
  a: policy,
  b: fc.option(policy),
  mode: fc.constantFrom('None', 'Sidecar'),
});

function objectsOf({ outer, a, b, mode }: WorldOf<typeof worlds>): readonly KubeObject[] {
  const rules = ['a', 'b'].map((name) => ({
    name,
    matches: [{ path: { value: `/${name}` } }],
    backendRefs: [{ name: 'orders', port: 80 }],
  }));
  const on = (name: string, target: object, spec: object | null) =>
    spec === null ? [] : [authPolicy({ ...spec, targetRefs: [target] }, { name })];
  return [
    meshConfig(),
    gateway({ listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }], mesh: { mode } }),
    service({ selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] }),
    route({ rules }),
    ...on('outer', gatewayTarget(), outer),
    ...on('a', routeTarget('orders', 'a'), a),
    ...on('b', routeTarget('orders', 'b'), b),
  ];
}

type WorldOf<A> = A extends fc.Arbitrary<infer T> ? T : never;

interface Credential {
  readonly header: string;
  /** What its signer knows; undefined for what is no token. */
  readonly signed?: { readonly signer: number; readonly iss: string; readonly claims: object; readonly late: boolean };
}

const soon = Math.floor(Date.now() / 1000) + 3600;

const credentials: readonly (Credential | undefined)[] = [
  undefined,
  { header: 'Bearer opaque' },
  { header: 'Basic YTpi' },
  ...(await Promise.all(
    [corp, other, 'https://nobody'].flatMap((iss) =>
      signers.flatMap((_, signer) => [
        signed(signer, { iss, aud: 'x', scope: 'read' }),
        signed(signer, { iss, aud: ['x', 'y'], scope: 'write' }),
        ...(signer === 0 ? [signed(signer, { iss, aud: 'x', scope: 'read', exp: 1000 })] : []),
      ]),
    ),
  )),
];

async function signed(
  signer: number,
  claims: { readonly iss: string; readonly exp?: number; readonly [claim: string]: unknown },
): Promise<Credential> {
  const token = await signers[signer]?.sign({ exp: soon, ...claims });
  const late = claims.exp !== undefined;
  return { header: `Bearer ${token?.text}`, signed: { signer, iss: claims.iss, claims: token?.claims ?? {}, late } };
}

/** As the evaluator of rendered files knows it: by the sets that hold the key that signed. */
function groundTruth(credential: Credential | undefined, edge: Gateway): ProofToken | undefined {
  if (credential === undefined || !credential.header.startsWith('Bearer ')) return undefined;
  if (credential.signed === undefined) return { issuer: '', claims: {}, bad: true };
  const { signer, iss, claims, late } = credential.signed;
  const x = signers[signer]?.publicKey.x ?? '';
  const known = edge.chains.flatMap(({ uses }) => uses.issuers).filter(({ issuer }) => issuer === iss);
  const jwks = known.map(({ keys }) => keySetOf(keys)).filter((text) => text.includes(x));
  return { issuer: iss, claims: { ...claims }, jwks, ...(late && { bad: true }) };
}

/** Status at the edge, then at the sidecar behind it. */
async function byExplain(edge: Gateway, request: ExplainRequest, world: ProofWorld): Promise<string> {
  const header = request.headers[0]?.[1];
  const token = await tokenFacts(header, issuersOf(edge), new Date());
  const known = token === undefined ? request : { ...request, token };
  const { outcome } = explain(edge, known);
  if (outcome.kind !== 'forward') return 'status' in outcome ? String(outcome.status) : outcome.kind;
  return [
    'forwarded',
    ...behindEdge(edge, known, world).flatMap(({ points }) => points.map(({ status }) => status)),
  ].join(' ');
}

function asRendered(world: ProofWorld, path: string, token: ProofToken | undefined): string {
  const [own] = world.gateways;
  if (own === undefined) throw new Error('the world has no gateway');
  const request = {
    port: 80,
    scheme: 'http' as const,
    sni: '',
    method: 'GET',
    authority: 'shop.example.com',
    path,
    headers: new Map(),
    directIp: '192.0.2.1',
    remoteIp: '192.0.2.1',
    ...(token === undefined ? {} : { token }),
  };
  const answer = answerAtEdge(own.edge, request);
  if (answer.kind !== 'forwarded') return answer.kind === 'closed' ? answer.kind : String(answer.status);
  const behind =
    own.identity === undefined
      ? []
      : answer.to.flatMap((share) => {
          const destination = world.destinations.get(share.cluster);
          return destination === undefined
            ? []
            : answersInMesh(destination, callOf(share, request, own.identity ?? ''));
        });
  return ['forwarded', ...behind.map(({ last }) => last.verdict.status)].join(' ');
}

test('a token is told apart as the rendered requirement of its route tells it', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(worlds, fc.constantFrom('/a', '/b', '/nowhere'), async (made, path) => {
      const resolution = resolver()(snapshotOf(objectsOf(made)));
      const [edge] = resolution.gateways.values();
      if (edge === undefined) throw new Error('the world has no gateway');
      const world = proofWorld(resolution);
      for (const credential of credentials) {
        const headers = credential === undefined ? [] : [['authorization', credential.header] as const];
        const request = { method: 'GET', url: `http://shop.example.com${path}`, headers, clientAddress: '192.0.2.1' };
        const told = await byExplain(edge, request, world);
        const rendered = asRendered(world, path, groundTruth(credential, edge));
        expect([credential?.signed, told]).toEqual([credential?.signed, rendered]);
        seen.add(told);
      }
    }),
    fuzz(60),
  );
  expect([...seen].toSorted()).toEqual(['401', '403', '404', '500', 'forwarded', 'forwarded 200']);
});
