/** What Istio's advisories and the differences between its points of enforcement ask of whoever renders for it. */
import { describe, expect, test } from '@jest/globals';
import type { AuthorizationPolicy, Rule, SecurityObject } from '../../istio/security.ts';
import { type WorkloadText, workload } from '../../testing/mesh-workload.ts';
import { meshObjects } from '../mesh.ts';

const edge = 'cluster.local/ns/gateways/sa/edge-edge';
const waypoint = { mode: 'Ambient', waypoint: { name: 'wp', managed: true } } as const;
const ports = ['orders 80 8080'];

function objectsOf(text: WorkloadText): readonly SecurityObject[] {
  return meshObjects(workload(text), 'evengate');
}

function policies(text: WorkloadText): readonly AuthorizationPolicy[] {
  return objectsOf(text).filter((one): one is AuthorizationPolicy => one.kind === 'AuthorizationPolicy');
}

/** The rules of one object, by the end of its name. */
function rules(text: WorkloadText, role: string): readonly Rule[] {
  return policies(text).find(({ metadata }) => metadata.name.endsWith(`.${role}`))?.spec?.rules ?? [];
}

function allowed(...when: readonly string[]): Rule | undefined {
  return rules({ issuers: { corp: 'https://a.example.com' }, allow: [{ ports, when }] }, 'allow')[0];
}

describe('advisories', () => {
  test('CVE-2020-8595: paths stand in operations alone, where the query is no part of them', () => {
    expect(allowed('path in /a')).toEqual({ to: [{ operation: { ports: ['8080'], paths: ['/a'] } }] });
    expect(() => allowed('header :path in /a')).toThrow('Istio cannot say: header::path in ["/a"]');
  });

  test('CVE-2021-39155: hosts are never headers, which know their case', () => {
    expect(allowed('host in a.example.com')?.to).toEqual([
      { operation: { ports: ['8080'], hosts: ['a.example.com'] } },
    ]);
    expect(() => allowed('header :authority in a')).toThrow();
  });

  test('2021-008: a host with any port is two', () => {
    const operation = allowed('host in a.example.com a.example.com:*')?.to?.[0]?.operation;
    expect(operation?.hosts).toEqual(['a.example.com', 'a.example.com:*']);
  });

  test('CVE-2026-39350: callers are principals, never expressions made of their names', () => {
    expect(allowed('principal in cluster.local/ns/a/sa/b.c')?.from).toEqual([
      { source: { principals: ['cluster.local/ns/a/sa/b.c'] } },
    ]);
    expect(() => allowed('serviceAccount in a/b.c')).toThrow();
    expect(() => allowed('namespace in a')).toThrow();
  });

  test('CVE-2026-31837: keys are written out, so that istiod fetches none', () => {
    const [authentication] = objectsOf({ issuers: { corp: 'https://a.example.com' } });
    expect(JSON.stringify(authentication?.spec)).toContain('"jwks":');
    expect(JSON.stringify(authentication?.spec)).not.toContain('jwksUri');
  });

  test('2021-004: identities only with mTLS, and none is not another one', () => {
    const text = { allow: [{ ports, when: [`principal not in ${edge}`] }] };
    expect(rules(text, 'allow')[0]?.from).toEqual([{ source: { principals: ['*'], notPrincipals: [edge] } }]);
    expect(objectsOf(text).at(-1)).toMatchObject({ spec: { portLevelMtls: { 8080: { mode: 'STRICT' } } } });
  });

  test('2021-004: a refusal of all but some refuses who is nobody, too', () => {
    const text = { deny: [{ ports, when: [`principal not in ${edge}`] }] };
    expect(rules(text, 'deny')[0]?.from).toEqual([{ source: { notPrincipals: [edge] } }]);
  });

  test('2021-002: ports are those of the containers', () => {
    expect(rules({ allow: [{ ports }] }, 'allow')).toEqual([
      { to: [{ operation: { ports: ['8080'] } }] },
      { to: [{ operation: { notPorts: ['8080'] } }] },
    ]);
  });

  test('2026-002: nothing routes', () => {
    const kinds = [{}, waypoint]
      .flatMap((settings) => objectsOf({ settings, allow: [{ ports }] }))
      .map(({ kind }) => kind);
    expect([...new Set(kinds)]).toEqual(['AuthorizationPolicy', 'PeerAuthentication']);
  });
});

describe('edge and mesh', () => {
  test('addresses are the edge’s to judge', () => {
    expect(() => allowed('directIp in 10.0.0.0/8')).toThrow('Istio cannot say: directIp in ["10.0.0.0/8"]');
    expect(() => allowed('remoteIp not in 10.0.0.0/8')).toThrow('Istio cannot say: remoteIp not in ["10.0.0.0/8"]');
    expect(() => allowed('clientCertificate in a')).toThrow();
  });

  test('tokens come on, and are looked for where the edge does', () => {
    const [authentication] = objectsOf({ issuers: { corp: 'https://a.example.com' } });
    expect(authentication?.spec).toMatchObject({
      jwtRules: [{ forwardOriginalToken: true, fromHeaders: [{ name: 'Authorization', prefix: 'Bearer ' }] }],
    });
  });

  test('all issuers of a workload in one list: which token is bad depends on it', () => {
    const issuers = { corp: 'https://a.example.com', other: 'https://b.example.com' };
    expect(objectsOf({ issuers }).filter(({ kind }) => kind === 'RequestAuthentication')).toHaveLength(1);
  });

  test('a token is known by its issuer, needing no subject', () => {
    expect(allowed('issuer in corp')?.when).toEqual([
      { key: 'request.auth.claims[iss]', values: ['https://a.example.com'] },
    ]);
    expect(() => allowed('issuer in gone')).toThrow('Istio cannot say: issuer in ["gone"]');
  });

  test('an issuer that reads like a pattern is itself', () => {
    const issuers = { star: 'https://a/*', near: 'https://a/b', far: 'https://b' };
    const when = (text: string) => rules({ issuers, allow: [{ ports, when: [text] }] }, 'allow')[0]?.when;
    const key = 'request.auth.claims[iss]';
    expect(when('issuer in star')).toEqual([{ key, values: ['https://a/*'], notValues: ['https://a/b'] }]);
    expect(when('issuer in star near')).toEqual([{ key, values: ['https://a/*', 'https://a/b'] }]);
    expect(when('issuer not in star')).toEqual([{ key, notValues: ['https://a/*'] }]);
  });

  test('the edge is admitted with everything else that was asked', () => {
    const rule = allowed(`principal in ${edge}`, 'method in GET', 'path in /v1/*', 'claim scope in read');
    expect(rule).toEqual({
      from: [{ source: { principals: [edge] } }],
      to: [{ operation: { ports: ['8080'], methods: ['GET'], paths: ['/v1/*'] } }],
      when: [{ key: 'request.auth.claims[scope]', values: ['read'] }],
    });
  });

  test('ports are the target’s for a sidecar and ztunnel, and the Service’s for a waypoint', () => {
    const text = { settings: waypoint, allow: [{ ports }] };
    expect(rules(text, 'waypoint-allow')[0]).toEqual({ to: [{ operation: { ports: ['80'] } }] });
    expect(rules(text, 'ztunnel-allow')[0]?.to).toEqual([{ operation: { ports: ['8080'] } }]);
  });

  test('one Service’s port at a waypoint is not another’s of that number', () => {
    const text = {
      settings: waypoint,
      services: ['admin', 'orders'],
      closed: ['admin 80 9090', 'orders 80 8080'],
      allow: [{ ports: ['admin 80 9090'] }],
    };
    const byService = policies(text).filter(({ spec }) => spec?.targetRefs !== undefined);
    expect(byService.map(({ spec }) => [spec?.targetRefs?.[0]?.name, spec?.rules?.length])).toEqual([
      ['admin', 2],
      ['orders', 1],
    ]);
  });

  test('no L7 rule goes to ztunnel, which would let a DENY of it fall', () => {
    const settings = { mode: 'Ambient' } as const;
    for (const when of [['method in GET'], ['claim scope in a'], ['host in a']]) {
      expect(() => objectsOf({ settings, deny: [{ ports, when }] })).toThrow('Istio cannot say');
    }
  });

  test('nor a rule without fields, which matches nothing there', () => {
    const text = { settings: { mode: 'Ambient' }, closed: 'all', deny: [{}] } as const;
    expect(rules(text, 'ztunnel-deny')).toEqual([{ to: [{ operation: { notPorts: ['0'] } }] }]);
  });

  test('two sets of paths that must both match are not one that may', () => {
    expect(() => allowed('path in /a*', 'path in *.json')).toThrow('Istio cannot say: path in ["*.json"]');
  });
});
