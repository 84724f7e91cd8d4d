/** An operator that begins where something is missing: it says what, writes nothing, and goes on when it is there. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { objectSchema } from '../../api/crd.ts';
import { kinds } from '../../api/kinds.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import type { JsonSchema } from '../../schema/json-schema.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import type { Attributes, RawRequest } from '../../testing/kube-api/request.ts';
import { endOf } from '../../testing/operator/oracles.ts';
import { type OperatorRig, readyOf, rigPool } from '../../testing/operator/rig.ts';
import { createAll, shop } from '../../testing/operator/shop.ts';
import { permissions } from '../operator/permissions.ts';
import { type Right, rightsOf } from './rights.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

const lease = { namespace: 'evengate-system', name: 'evengate-evengate' };
const ready = ({ api }: OperatorRig) => readyOf(api.get(resources.ApiGateway, 'shop', 'edge'));

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly check?: string;
  readonly remedy?: string;
  readonly was?: string;
  readonly logger?: string;
}

/** What the preflight said, in order. */
function said({ log }: OperatorRig): readonly Line[] {
  return log.map((line) => JSON.parse(line) as Line).filter(({ logger }) => logger === 'preflight');
}
const problems = (rig: OperatorRig) => said(rig).filter(({ level }) => level === 'error');
const warnings = (rig: OperatorRig) => said(rig).filter(({ level }) => level === 'warn');
const news = (rig: OperatorRig) => said(rig).filter(({ level }) => level === 'info');

/** An API server whose OpenAPI document a test changes. */
function openapi(change: { of: (schema: JsonSchema, kind: string) => JsonSchema | undefined }) {
  return ({ url }: RawRequest) => {
    if (url !== '/openapi/v3/apis/evengate.dev/v1alpha1') return undefined;
    const schemas = kinds.map((kind) => {
      const name = { group: 'evengate.dev', version: 'v1alpha1', kind: kind.kind };
      const schema = change.of(objectSchema(kind), kind.kind);
      return [kind.kind, schema && { ...schema, 'x-kubernetes-group-version-kind': [name] }] as const;
    });
    return { body: JSON.stringify({ components: { schemas: Object.fromEntries(schemas.filter(([, one]) => one)) } }) };
  };
}

/** The schema with `spec` changed. */
function withSpec(schema: JsonSchema, change: (fields: Readonly<Record<string, JsonSchema>>) => object): JsonSchema {
  const spec = schema.properties?.['spec'] ?? {};
  return {
    ...schema,
    properties: { ...schema.properties, spec: { ...spec, properties: { ...change(spec.properties ?? {}) } } },
  };
}

test('where nothing is missing it begins, and its end is that of an operator without preflight', async () => {
  const [plain, checked] = [await pool.open(), await pool.open()];
  for (const rig of [plain, checked]) createAll(rig.api, shop());
  plain.start({ readSecrets: true });
  checked.start({ readSecrets: true, preflight: { lease } });
  await Promise.all([plain.quiet(), checked.quiet()]);
  expect(ready(checked)).toBe('True Ready');
  // Its Lease has a namespace, which the model makes with it.
  const { 'Namespace evengate-system': _, ...end } = endOf(checked);
  expect(end).toEqual(endOf(plain));
  expect(said(checked).map(({ msg }) => msg)).toEqual(['preflight checks passed']);
});

test('asks nothing again while nothing is refused', async () => {
  const rig = await pool.open({ authorize: () => true });
  createAll(rig.api, shop());
  rig.start({ readSecrets: true, preflight: { lease } });
  await rig.quiet();
  const listed = () => rig.api.requests.filter(({ verb, resource }) => verb === 'list' && resource === 'leases').length;
  const before = listed();
  await rig.quiet(110_000);
  expect(listed()).toBe(before);
});

describe('CRDs', () => {
  test('that are missing are named, nothing is written, and it begins when they come', async () => {
    const rig = await pool.open();
    for (const kind of ['ApiGateway', 'Route'] as const) rig.api.unserve(resources[kind]);
    rig.start({ readSecrets: true, preflight: { lease } });
    await rig.quiet(60_000);
    expect(problems(rig)).toEqual([
      expect.objectContaining({
        check: 'crds',
        msg: 'the API server does not know ApiGateway, Route of evengate.dev/v1alpha1: their CRDs are not installed, or not Established yet',
        remedy: expect.stringContaining('evengate crds | kubectl apply --server-side'),
      }),
    ]);
    expect(rig.api.writes).toEqual([]);
    rig.api.serve(resources.Route);
    rig.api.serve(resources.ApiGateway);
    createAll(rig.api, shop());
    await rig.quiet(20_000);
    expect(ready(rig)).toBe('True Ready');
    expect(
      said(rig)
        .map(({ msg }) => msg)
        .slice(1),
    ).toEqual(['no longer so', 'preflight checks passed']);
  });

  test('without a field of this version are old: the fields are named', async () => {
    const old = {
      of: (schema: JsonSchema, kind: string): JsonSchema | undefined => {
        return kind === 'Route' ? withSpec(schema, ({ parentRefs }) => ({ parentRefs })) : schema;
      },
    };
    const rig = await pool.open({ respond: openapi(old) });
    createAll(rig.api, shop());
    rig.start({ readSecrets: true, preflight: { lease } });
    await rig.quiet(60_000);
    expect(problems(rig)).toEqual([
      expect.objectContaining({
        check: 'crds',
        msg: 'the CRD of Route is older than this version of Evengate: it lacks spec.hostnames, spec.rules',
        remedy: expect.stringMatching(/^upgrade the CRDs: helm upgrade --install evengate-crds/),
      }),
    ]);
    expect(rig.api.writes).toEqual([]);
    old.of = (schema) => schema;
    await rig.quiet(20_000);
    expect(ready(rig)).toBe('True Ready');
  });

  test('with fields of a later version are no hindrance', async () => {
    const newer = {
      of: (schema: JsonSchema) => withSpec(schema, (fields) => ({ ...fields, later: { type: 'string' } })),
    };
    const rig = await pool.open({ respond: openapi(newer) });
    createAll(rig.api, shop());
    rig.start({ readSecrets: true, preflight: { lease } });
    await rig.quiet();
    expect(ready(rig)).toBe('True Ready');
    expect(warnings(rig)[0]).toMatchObject({
      check: 'crds',
      msg: 'the CRD of ApiGateway is newer than this version of Evengate: objects that use spec.later are refused',
      remedy: 'upgrade the operator: helm upgrade evengate',
    });
  });
});

test('a CRD that goes away is named, what serves stays, and all is as before when it comes back', async () => {
  const rig = await pool.open();
  createAll(rig.api, shop());
  rig.start({ readSecrets: true, preflight: { lease } });
  await rig.quiet();
  const fleet = () => rig.api.list(resources.Deployment).map(({ metadata }) => metadata.uid);
  const [before, policies] = [fleet(), rig.api.list<KubeObject>(resources.RateLimitPolicy)];
  rig.api.unserve(resources.RateLimitPolicy);
  await rig.quiet(60_000);
  expect(problems(rig).map(({ msg }) => msg)).toEqual([
    'the API server does not know RateLimitPolicy of evengate.dev/v1alpha1: its CRD is not installed, or not Established yet',
  ]);
  expect(fleet()).toEqual(before);
  rig.api.serve(resources.RateLimitPolicy);
  for (const { apiVersion, kind, metadata, spec } of policies) {
    const { name, namespace = '' } = metadata;
    rig.api.create({ apiVersion, kind, metadata: { name, namespace }, spec } as KubeObject);
  }
  await rig.quiet(60_000);
  expect(said(rig).at(-1)?.msg).toBe('preflight checks passed');
  expect(fleet()).toEqual(before);
  expect(ready(rig)).toBe('True Ready');
});

/** Rights as `permissions` grants them, but one. */
function rbac(withheld: { right: Right | undefined }) {
  const { watched, cluster, own } = permissions({ readSecrets: true });
  const granted = rightsOf([...watched, ...cluster, ...own]);
  return ({ verb, group, resource, subresource }: Attributes) => {
    const whole = subresource === '' ? resource : `${resource}/${subresource}`;
    const asked = { verb, group, resource: whole };
    const is = (right: Right | undefined) => right?.verb === verb && right.group === group && right.resource === whole;
    return !is(withheld.right) && granted.some((right) => is(right) && right.resource === asked.resource);
  };
}

const { watched, cluster, own } = permissions({ readSecrets: true });
const everyRight = [
  ...new Map(rightsOf([...watched, ...cluster, ...own]).map((right) => [JSON.stringify(right), right])).values(),
];

describe('without the right to', () => {
  test.each(everyRight.map((right) => [right.verb, right.resource, right] as const))(
    '%s %s it says so',
    async (verb, resource, right) => {
      const rig = await pool.open({ authorize: rbac({ right }) });
      rig.start({ readSecrets: true, preflight: { lease } });
      await rig.api.until('it has looked', () => said(rig).length > 0);
      const [plural = '', ...sub] = resource.split('/');
      const name = [right.group === '' ? plural : `${plural}.${right.group}`, ...sub].join('/');
      expect(said(rig)[0]).toMatchObject({
        check: 'rights',
        msg: expect.stringMatching(
          new RegExp(`^the operator may not ${verb} ${name} in (all namespaces|namespace evengate-system)`),
        ),
        remedy: expect.stringMatching(
          /^grant it with the (ClusterRole|Role in evengate-system) of this version: helm upgrade evengate/,
        ),
      });
      if (said(rig)[0]?.level === 'error') expect(rig.api.writes).toEqual([]);
    },
  );
});

describe('rights', () => {
  test('without any at all: one problem a place, nothing is written, and it goes on when they are granted', async () => {
    const may = rbac({ right: undefined });
    let granted = false;
    const rig = await pool.open({ authorize: (attributes) => granted && may(attributes) });
    createAll(rig.api, shop());
    rig.start({ readSecrets: true, preflight: { lease } });
    await rig.quiet(60_000);
    expect(problems(rig).map(({ msg }) => msg)).toEqual([
      expect.stringMatching(
        /^the operator may not get\/list\/watch apigateways\.evengate\.dev, .* and \d+ more in all namespaces$/,
      ),
      'the operator may not get/create/update leases.coordination.k8s.io, get/create/patch configmaps "evengate-keys-evengate" in namespace evengate-system',
    ]);
    expect(rig.api.writes).toEqual([]);
    granted = true;
    await rig.quiet(20_000);
    expect(ready(rig)).toBe('True Ready');
  });

  test('that are taken away later are named too, and it recovers', async () => {
    const withheld: { right: Right | undefined } = { right: undefined };
    const rig = await pool.open({ authorize: rbac(withheld) });
    createAll(rig.api, shop());
    rig.start({ readSecrets: true, preflight: { lease } });
    await rig.quiet();
    withheld.right = { verb: 'watch', group: 'evengate.dev', resource: 'routes' };
    for (const watch of rig.api.watches(resources.Route)) watch.close();
    await rig.quiet(60_000);
    expect(problems(rig).map(({ msg }) => msg)).toEqual([
      'the operator may not watch routes.evengate.dev in all namespaces',
    ]);
    withheld.right = undefined;
    await rig.quiet(60_000);
    expect(said(rig).at(-1)).toMatchObject({ msg: 'preflight checks passed' });
    expect(said(rig).filter(({ was }) => was !== undefined)).toHaveLength(1);
  });

  test('on the ConfigMap of fetched keys hold for that one alone, and are lived without', async () => {
    const namespaces = ['shop'];
    const may = rbac({ right: undefined });
    let granted = 'nothing';
    const rig = await pool.open({
      authorize: (asked) =>
        may(asked) &&
        (asked.namespace !== 'evengate-system' || asked.resource !== 'configmaps' || asked.name === granted),
    });
    rig.start({ readSecrets: true, namespaces, preflight: { lease } });
    await rig.quiet(20_000);
    const told = warnings(rig).filter(({ msg }) => msg?.includes('configmaps'));
    expect(told.map(({ msg }) => msg)).toEqual([
      'the operator may not get/create/patch configmaps "evengate-keys-evengate" in namespace evengate-system: keys that it fetched for gateways in a mesh are lost when it ends',
    ]);
    expect(problems(rig)).toEqual([]);
    await rig.kill();
    granted = 'evengate-keys-evengate';
    const mark = rig.log.length;
    rig.start({ readSecrets: true, namespaces, preflight: { lease } });
    await rig.quiet(60_000);
    expect(rig.log.slice(mark).join()).not.toContain('configmaps');
  });

  test('of enrolment are asked for where it enrols, and lived without', async () => {
    const rig = await pool.open({ authorize: rbac({ right: undefined }) });
    rig.start({ readSecrets: true, meshEnrolment: true, preflight: { lease } });
    await rig.quiet(20_000);
    expect(problems(rig)).toEqual([]);
    expect(warnings(rig).map(({ msg }) => msg)).toEqual([
      'the operator may not get/create/patch/delete gateways.gateway.networking.k8s.io in all namespaces: no waypoint is kept, whatever spec.mesh.waypoint.managed says',
      'the operator may not patch namespaces in all namespaces: no namespace is labelled for Istio, whatever spec.mesh.enrolment says',
    ]);
  });

  test('in some namespaces: which one lacks what', async () => {
    const may = rbac({ right: undefined });
    const home = 'evengate-system';
    const rig = await pool.open({
      authorize: (attributes) => ['shop', home].includes(attributes.namespace) && may(attributes),
    });
    rig.start({ namespaces: ['shop', 'certs'], preflight: { lease } });
    await rig.quiet(20_000);
    expect(problems(rig).map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^the operator may not .* in namespace certs$/),
    ]);
    expect(news(rig).map(({ msg }) => msg)).toEqual([
      'the operator may not list/watch namespaces in the cluster: allowedRoutes knows namespaces by their names alone',
      'the operator may not list leases.coordination.k8s.io in the cluster: another operator of the same class is not noticed',
      'whether another operator serves class evengate is not known, for Leases may not be listed',
    ]);
  });

  test('where reviews are refused, nothing is known and nothing is in the way', async () => {
    const rig = await pool.open({
      respond: ({ url }) =>
        url.includes('/authorization.k8s.io/') ? { code: 403, body: 'no reviews here' } : undefined,
    });
    createAll(rig.api, shop());
    rig.start({ readSecrets: true, preflight: { lease } });
    await rig.quiet();
    expect(ready(rig)).toBe('True Ready');
  });

  test('where what answers is no API server, nothing is known of it, and nothing is in the way', async () => {
    const rig = await pool.open({
      respond: ({ url }) => (/^\/(version|openapi)/.test(url) ? { body: '<html>' } : undefined),
    });
    createAll(rig.api, shop());
    rig.start({ readSecrets: true, preflight: { lease } });
    await rig.quiet();
    expect(ready(rig)).toBe('True Ready');
  });

  test('where rules are not told, each right is asked for', async () => {
    const rig = await pool.open({
      respond: ({ url }) =>
        url.includes('/selfsubjectrulesreviews')
          ? { code: 201, contentType: 'application/json', body: '{"status":{"incomplete":true,"resourceRules":[]}}' }
          : undefined,
      authorize: rbac({ right: { verb: 'delete', group: '', resource: 'services' } }),
    });
    rig.start({ readSecrets: true, preflight: { lease } });
    await rig.quiet(20_000);
    expect(problems(rig).map(({ msg }) => msg)).toEqual(['the operator may not delete services in all namespaces']);
  });
});

describe('another operator of the same class', () => {
  const elsewhere = { namespace: 'ops', name: 'evengate-evengate' };
  const taken =
    'namespace ops already runs an operator of class evengate (Lease evengate-evengate, held by one-of-ops)';

  test('that works: this one writes nothing, and takes over when the other has ended', async () => {
    const rig = await pool.open();
    createAll(rig.api, shop());
    const first = rig.start({ userAgent: 'first', readSecrets: true, preflight: { lease: elsewhere } });
    await rig.quiet();
    rig.start({ userAgent: 'second', readSecrets: true, preflight: { lease } });
    await rig.quiet(60_000);
    expect(problems(rig).map(({ msg }) => msg)).toEqual([taken]);
    expect(rig.api.writes.filter(({ userAgent }) => userAgent === 'second')).toEqual([]);
    await first.stop();

    await rig.quiet(60_000);
    expect(rig.api.get(resources.Lease, lease.namespace, lease.name)).toMatchObject({
      spec: { holderIdentity: 'one-of-evengate-system' },
    });
    expect(ready(rig)).toBe('True Ready');
  });

  test('that died: this one waits as long as a Lease lasts', async () => {
    const rig = await pool.open();
    createAll(rig.api, shop());
    const first = rig.start({ userAgent: 'first', readSecrets: true, preflight: { lease: elsewhere } });
    await rig.quiet();
    await first.kill();
    rig.start({ userAgent: 'second', readSecrets: true, preflight: { lease } });
    await rig.quiet(60_000);
    expect(said(rig).at(-1)?.msg).toBe('preflight checks passed');
    expect(rig.api.get(resources.Lease, lease.namespace, lease.name)).toMatchObject({
      spec: { holderIdentity: 'one-of-evengate-system' },
    });
  });

  test.each([0, 1, 3, 10, 30, 100, 1000, 3000])('%d ms after it: one of them works', async (ms) => {
    const rig = await pool.open();
    createAll(rig.api, shop());
    rig.start({ userAgent: 'first', readSecrets: true, preflight: { lease: elsewhere } });
    await rig.clock.sleep(ms);
    rig.start({ userAgent: 'second', readSecrets: true, preflight: { lease } });
    await rig.quiet(110_000);
    const writers = new Set(rig.writes().map(({ userAgent }) => userAgent));
    expect(writers.size).toBe(1);
    expect(ready(rig)).toBe('True Ready');
  });

  test('of which each saw the other lead gives way, and one of them works', async () => {
    const rig = await pool.open();
    createAll(rig.api, shop());
    // Neither is told of Leases until both have taken theirs.
    const blind = rig.api.faults.add({
      match: ({ verb, resource }) => verb === 'list' && resource === 'leases',
      fault: { kind: 'empty-list' },
      times: 2,
    });
    rig.start({ userAgent: 'first', readSecrets: true, preflight: { lease: elsewhere } });
    rig.start({ userAgent: 'second', readSecrets: true, preflight: { lease } });
    await rig.quiet(110_000);
    expect(blind.hits).toBe(2);
    expect(new Set(rig.writes().map(({ userAgent }) => userAgent)).size).toBe(1);
    expect(ready(rig)).toBe('True Ready');
  });

  test('without a Lease of its own it sees the other all the same', async () => {
    const rig = await pool.open();
    createAll(rig.api, shop());
    rig.start({ userAgent: 'first', readSecrets: true, preflight: { lease: elsewhere } });
    await rig.quiet();
    rig.start({ userAgent: 'second', readSecrets: true, preflight: {} });
    await rig.quiet(60_000);
    expect(problems(rig).map(({ msg }) => msg)).toEqual([taken]);
    expect(rig.api.writes.filter(({ userAgent }) => userAgent === 'second')).toEqual([]);
  });

  test.each([
    ['of another class', { className: 'theirs' }, {}],
    ['in other namespaces', { namespaces: ['shop'] }, { namespaces: ['ops', 'certs'] }],
  ])('%s is none', async (_, ours, theirs) => {
    const rig = await pool.open();
    rig.start({ ...theirs, preflight: { lease: elsewhere } });
    rig.start({ ...ours, preflight: { lease } });
    await rig.quiet(60_000);
    expect(problems(rig)).toEqual([]);
    const holders = rig.api
      .list(resources.Lease)
      .map(({ spec }) => (spec as { readonly holderIdentity: string }).holderIdentity);
    expect(holders.toSorted()).toEqual(['one-of-evengate-system', 'one-of-ops']);
  });

  test('in namespaces of which one is the same', async () => {
    const rig = await pool.open();
    rig.start({ namespaces: ['certs', 'shop'], preflight: { lease: elsewhere } });
    await rig.quiet();
    rig.start({ namespaces: ['shop', 'other'], preflight: { lease } });
    await rig.quiet(60_000);
    expect(problems(rig).map(({ msg }) => msg)).toEqual([taken]);
  });
});

test('an API server that is too old is refused; one that does not answer is waited for', async () => {
  let gitVersion = '';
  const rig = await pool.open({
    respond: ({ url }) => {
      if (gitVersion === '') return { code: 503, body: 'starting' };
      return url === '/version' ? { body: JSON.stringify({ gitVersion }) } : undefined;
    },
  });
  createAll(rig.api, shop());
  rig.start({ readSecrets: true, preflight: { lease } });
  await rig.quiet(20_000);
  expect(problems(rig).map(({ check, msg }) => [check, msg])).toEqual([['api-server', expect.stringContaining('503')]]);
  gitVersion = 'v1.28.15';
  await rig.quiet(20_000);
  expect(problems(rig).at(-1)).toMatchObject({ msg: 'Kubernetes v1.28.15 is older than 1.29' });
  gitVersion = 'v1.29.0-eks-1';
  await rig.quiet(20_000);
  expect(ready(rig)).toBe('True Ready');
});
