/** Which objects a workload becomes, in which order, and how they are called. */
import { describe, expect, test } from '@jest/globals';
import type { MeshSettings, MeshWorkload } from '../../ir/mesh.ts';
import type { AuthorizationPolicy, Rule, SecurityObject } from '../../istio/security.ts';
import { type WorkloadText, workload } from '../../testing/mesh-workload.ts';
import { enrolmentLabels, meshLabels, meshObjects, readOrigins, waypointObject } from '../mesh.ts';

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

function names(objects: readonly SecurityObject[]): readonly string[] {
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

describe('objects', () => {
  const text = {
    issuers: { corp: 'https://a.example.com' },
    allow: [{ ports }],
    deny: [{ ports, when: ['method in PUT'] }],
  };

  test('of a sidecar, in order of creation', () => {
    expect(names(objectsOf(text))).toEqual([
      'RequestAuthentication evengate-orders',
      'AuthorizationPolicy evengate-orders.deny',
      'AuthorizationPolicy evengate-orders.allow',
      'PeerAuthentication evengate-orders',
    ]);
  });

  test('of a waypoint: it judges before ztunnel sends everybody there', () => {
    expect(names(objectsOf({ ...text, settings: waypoint }))).toEqual([
      'RequestAuthentication evengate-orders.waypoint',
      'AuthorizationPolicy evengate-orders.waypoint-deny',
      'AuthorizationPolicy evengate-orders.waypoint-allow',
      'AuthorizationPolicy evengate-orders.ztunnel-allow',
      'PeerAuthentication evengate-orders',
    ]);
  });

  test('the two layers have no name in common: a workload that changes sides is closed all the while', () => {
    const sidecar = policies(text).map(({ metadata }) => metadata.name);
    const ambient = policies({ ...text, settings: waypoint }).map(({ metadata }) => metadata.name);
    expect(sidecar.filter((name) => ambient.includes(name))).toEqual([]);
  });

  test('via-waypoint: Pods take the waypoint’s word alone', () => {
    const [first] = rules({ settings: { ...waypoint, trustDomain: 'example.org' } }, 'ztunnel-allow');
    expect(first?.from).toEqual([{ source: { principals: ['example.org/ns/shop/sa/wp'] } }]);
  });

  test('a Service at a waypoint is named in its namespace, by one targetRef and no selector', () => {
    const found = policies({ ...text, settings: waypoint }).filter(({ metadata }) =>
      metadata.name.includes('.waypoint'),
    );
    expect(found.map(({ metadata, spec }) => [metadata.namespace, spec?.targetRefs, spec?.selector])).toEqual(
      found.map(() => ['shop', [{ group: '', kind: 'Service', name: 'orders' }], undefined]),
    );
  });

  test('an ALLOW at each layer, also where no rule allows: without one, everything is admitted', () => {
    const settings: readonly Partial<MeshSettings>[] = [{}, waypoint, { mode: 'Ambient' }];
    const roles = settings.map((one) =>
      policies({ settings: one, closed: 'all' }).map(({ spec }) => [spec?.action, spec?.rules?.length]),
    );
    expect(roles).toEqual([
      [['ALLOW', undefined]],
      [
        ['ALLOW', undefined],
        ['ALLOW', 1],
      ],
      [['ALLOW', undefined]],
    ]);
  });

  test('a DENY only where something is denied: Istio refuses an empty one', () => {
    expect(policies({ allow: [{ ports }] }).map(({ spec }) => spec?.action)).toEqual(['ALLOW']);
  });

  test('nothing for a workload without closed ports', () => {
    expect(objectsOf({ closed: [] })).toEqual([]);
  });

  test('where the number of a port is not known, none is open', () => {
    expect(rules({ closed: ['orders 80', 'orders 81 8081'], allow: [{ ports: ['orders 80'] }] }, 'allow')).toEqual([]);
  });

  test('a workload without selector would be its whole namespace', () => {
    expect(() => objectsOf({ selector: {} })).toThrow('workload shop/orders has no selector');
  });
});

describe('Shadow', () => {
  const text = { issuers: { corp: 'https://a.example.com' }, allow: [{ ports }], deny: [{ ports }] };
  const dryRuns = (workload: WorkloadText) =>
    policies(workload).map(({ metadata }) => metadata.annotations?.['istio.io/dry-run']);

  test('the whole gateway: all is counted, no token is refused, and mTLS is left as it is', () => {
    for (const settings of [{}, waypoint, { mode: 'Ambient' }] as const) {
      const all = { ...text, settings: { ...settings, enforcement: 'Shadow' } } as const;
      expect(dryRuns({ ...all, issuers: {}, allow: [], deny: [] }).every((value) => value === 'true')).toBe(true);
      expect(objectsOf({ ...all, allow: [], deny: [] }).map(({ kind }) => kind)).not.toContain('RequestAuthentication');
      expect(objectsOf({ ...all, allow: [], deny: [] }).map(({ kind }) => kind)).not.toContain('PeerAuthentication');
    }
  });

  test('a policy: a second pair, which is counted beside the one in force', () => {
    expect(dryRuns({ ...text, shadow: text })).toEqual([undefined, undefined, 'true', 'true']);
  });
});

describe('mTLS', () => {
  const modes = (mtls: MeshSettings['mtls'], more: WorkloadText = {}) =>
    objectsOf({ ...more, settings: { ...more.settings, mtls } }).flatMap(({ kind, spec }) =>
      kind === 'PeerAuthentication' ? [spec] : [],
    );

  test('is asked for on closed ports; others inherit', () => {
    expect(modes('Strict')).toMatchObject([{ mtls: { mode: 'UNSET' }, portLevelMtls: { 8080: { mode: 'STRICT' } } }]);
    expect(modes('Permissive')).toMatchObject([{ portLevelMtls: { 8080: { mode: 'PERMISSIVE' } } }]);
    expect(modes('Unmanaged')).toEqual([]);
  });

  test('is asked for on all ports where all close', () => {
    expect(modes('Strict', { closed: 'all' })).toEqual([
      { selector: { matchLabels: { app: 'orders' } }, mtls: { mode: 'STRICT' } },
    ]);
  });

  test('is by selector in Ambient, too: waypoints have always had it', () => {
    expect(modes('Strict', { settings: waypoint })).toMatchObject([{ selector: { matchLabels: { app: 'orders' } } }]);
  });
});

describe('enrolment', () => {
  const { settings } = workload({});

  test('labels', () => {
    expect(enrolmentLabels(settings)).toEqual({ namespace: { 'istio-injection': 'enabled' }, service: {} });
    expect(enrolmentLabels({ ...settings, revision: 'canary' }).namespace).toEqual({ 'istio.io/rev': 'canary' });
    expect(enrolmentLabels({ ...settings, ...waypoint })).toEqual({
      namespace: { 'istio.io/dataplane-mode': 'ambient' },
      service: { 'istio.io/use-waypoint': 'wp', 'istio.io/ingress-use-waypoint': 'true' },
    });
    expect(enrolmentLabels({ ...settings, mode: 'Ambient' }).service).toEqual({});
  });

  test('the waypoint runs as the ServiceAccount that ztunnel is told of', () => {
    expect(waypointObject('shop', { name: 'wp', managed: true }, 'evengate')).toEqual({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: {
        name: 'wp',
        namespace: 'shop',
        labels: { ...meshLabels('evengate'), 'istio.io/waypoint-for': 'service' },
        annotations: { 'gateway.istio.io/service-account': 'wp' },
      },
      spec: { gatewayClassName: 'istio-waypoint', listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }] },
    });
  });
});

describe('what is written', () => {
  const text = {
    allow: [
      { by: 'shop/a:x+gateways/b:y', ports },
      { by: 'shop/a:z', ports },
      { by: 'shop/a:x+gateways/b:y', ports },
    ],
  };

  test('says whose it is, and that no owner takes it along', () => {
    for (const { metadata } of objectsOf(text)) {
      expect(metadata.labels).toEqual({ ...meshLabels('evengate'), 'evengate.dev/workload': 'orders' });
      expect(metadata.ownerReferences).toBeUndefined();
    }
  });

  test('says where each rule comes from', () => {
    const [policy] = policies(text);
    expect(policy?.metadata.annotations).toEqual({ 'evengate.dev/rules': 'shop/a:x+gateways/b:y 0,2\nshop/a:z 1' });
    expect(policy && readOrigins(policy)).toEqual(['shop/a:x+gateways/b:y', 'shop/a:z', 'shop/a:x+gateways/b:y', '-']);
  });

  test('is the same for the same workload, and made once', () => {
    const one: MeshWorkload = workload(text);
    expect(JSON.stringify(meshObjects(workload(text), 'evengate'))).toBe(JSON.stringify(meshObjects(one, 'evengate')));
    expect(meshObjects(one, 'evengate')).toBe(meshObjects(one, 'evengate'));
  });

  test('has another name in another class: operators that meet do not overwrite each other', () => {
    const found = meshObjects(workload(text), 'internal').map(({ metadata }) => metadata.name);
    expect(found).toEqual(['internal.evengate-orders.allow', 'internal.evengate-orders']);
  });

  test('has names and labels that an API server takes, whatever the manifest says', () => {
    const service = `a${'b'.repeat(80)}.c${'d'.repeat(150)}`;
    const [policy] = policies({ services: [service], closed: [`${service} 80 8080`] });
    expect(policy?.metadata.name).toMatch(/^[a-z0-9.-]{1,120}$/);
    expect(policy?.metadata.labels?.['evengate.dev/workload']).toMatch(/^[a-z0-9.-]{1,63}$/);
  });
});
