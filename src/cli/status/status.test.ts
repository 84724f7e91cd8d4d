import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { fakeIo } from '../../testing/fake-io.ts';
import { type KubeApi, type KubeApiOptions, startKubeApi } from '../../testing/kube-api/index.ts';
import { runProgram } from '../program.ts';

let folder: string;
let api: KubeApi;
let may: NonNullable<KubeApiOptions['authorize']>;

beforeEach(async () => {
  may = () => true;
  folder = mkdtempSync(join(tmpdir(), 'ev-status-'));
  api = await startKubeApi({ authorize: (attributes) => may(attributes) });
  writeFileSync(join(folder, 'config'), api.kubeconfig);
});
afterEach(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function evengate(...words: readonly string[]) {
  const io = fakeIo({ env: { KUBECONFIG: join(folder, 'config') } });
  const code = await runProgram(words, io);
  return { code, ...io.written };
}

function ours(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'evengate.dev/v1alpha1', kind, metadata: { name, namespace: 'shop' }, spec };
}

const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
const gateway = ours('ApiGateway', 'edge', { listeners });
const rules = [
  {
    name: 'read',
    matches: [{ path: { value: '/orders' }, method: 'GET' }],
    backendRefs: [{ name: 'orders', port: 80 }],
  },
  {
    name: 'write',
    matches: [{ path: { value: '/orders' }, method: 'POST' }],
    backendRefs: [{ name: 'orders', port: 80 }],
  },
];
const route = ours('Route', 'orders', { parentRefs: [{ name: 'edge' }], hostnames: ['a.example.com'], rules });
const anyone = ours('AuthPolicy', 'anyone', {
  targetRefs: [{ kind: 'Route', name: 'orders', sectionName: 'read' }],
  authorize: { allow: [{ name: 'anyone' }] },
});
const unkeyed = ours('AuthPolicy', 'unkeyed', {
  targetRefs: [{ kind: 'Route', name: 'orders', sectionName: 'write' }],
  authenticate: {
    jwt: [{ name: 'corp', issuer: 'https://login.example.com', jwks: { configMapRef: { name: 'none' } } }],
  },
});
const limit = ours('RateLimitPolicy', 'limit', {
  targetRefs: [{ kind: 'Route', name: 'orders' }],
  limits: [{ name: 'all', requests: 100, per: 'Minute' }],
});
const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'orders', namespace: 'shop' },
  spec: { ports: [{ port: 80 }] },
};

/** As an operator would have reported. */
function create(
  object: KubeObject,
  ready: 'True' | 'False' = 'True',
  more: object = {},
  message = 'All is in effect.',
) {
  const created = api.create(object);
  const observedGeneration = created.metadata.generation ?? 0;
  const condition = (type: string) => ({ type, status: ready, observedGeneration, reason: 'Ready', message });
  api.putStatus(object, { observedGeneration, conditions: [condition('Ready')], ...more });
}

function createGateway() {
  const conditions = [{ type: 'Programmed', status: 'True', reason: 'Programmed', message: '' }];
  create(gateway, 'True', {
    revision: '5f1c',
    addresses: [{ type: 'IPAddress', value: '203.0.113.7' }],
    listeners: [{ name: 'web', conditions }],
  });
}

test('a good world: a tree of what answers whom, and 0', async () => {
  createGateway();
  create(ours('Route', 'orders', { ...(route.spec as object), rules: [rules[0]] }));
  for (const one of [anyone, limit]) create(one);
  api.create(service);
  const { code, stdout, stderr } = await evengate('status', '-n', 'shop');
  expect(stdout).toBe(`\
NAME                        READY    ABOUT
ApiGateway shop/edge        True     203.0.113.7, revision 5f1c
└─Listener web              True     HTTP 80
  └─Route shop/orders       True     a.example.com
    └─Rule read             True     GET /orders → shop/orders:80; public (AuthPolicy shop/anyone), 100 a minute (RateLimitPolicy shop/limit)
AuthPolicy shop/anyone      True
RateLimitPolicy shop/limit  True
`);
  expect([code, stderr]).toEqual([0, '']);
});

test('a broken world: who blocks what, why, and what to do; 1', async () => {
  createGateway();
  create(route, 'False', {}, 'spec.rules[1]: said by the operator. So it was.');
  for (const one of [anyone, unkeyed]) create(one);
  api.create(service);
  const { code, stdout } = await evengate('status', 'route/orders', '-n', 'shop');
  expect(stdout).toMatchInlineSnapshot(`
"NAME               READY    ABOUT
Route shop/orders  False    a.example.com, ApiGateway shop/edge
│ ! spec.rules[1]: said by the operator. So it was.
├─Rule read        True     GET /orders → shop/orders:80; public (AuthPolicy shop/anyone)
└─Rule write       False    POST /orders → shop/orders:80
    ! rule write answers 500, because AuthPolicy shop/unkeyed cannot be enforced: ConfigMap shop/none does not exist. Create the ConfigMap in namespace shop, or correct the name.
"
`);
  expect(code).toBe(1);
  const policy = await evengate('status', 'eap/unkeyed', '-n', 'shop', '-o', 'json');
  expect(JSON.parse(policy.stdout)).toMatchObject({
    ready: false,
    objects: [
      {
        kind: 'AuthPolicy',
        name: 'shop/unkeyed',
        children: [{ kind: 'Rule', name: 'shop/orders write', ready: 'False' }],
      },
    ],
  });
});

test('what the mesh behind a gateway does not hold is said of it, although it serves; 0', async () => {
  const message = '1/2 workloads are enforced.\nService shop/pay: NotEnrolled: no proxy.';
  const lacking = { type: 'MeshEnforced', status: 'False', reason: 'NotEnrolled', message };
  const conditions = [{ type: 'Ready', status: 'True', reason: 'Ready', message: '' }, lacking];
  const programmed = [{ type: 'Programmed', status: 'True', reason: 'Programmed', message: '' }];
  create(gateway, 'True', { conditions, listeners: [{ name: 'web', conditions: programmed }] });
  const { code, stdout } = await evengate('status', 'agw/edge', '-n', 'shop', '-o', 'json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ready: true, objects: [{ troubles: message.split('\n') }] });
});

test('what no operator has looked at is not ready, and says where to look', async () => {
  api.create(gateway);
  const { code, stdout } = await evengate('status', '-A');
  expect([code, stdout]).toEqual([
    1,
    expect.stringMatching(/No operator of class evengate has reported.*kubectl get pods -A/),
  ]);
});

test('nothing there is no failure', async () => {
  expect(await evengate('status', '-n', 'shop')).toEqual({
    code: 0,
    stdout: '',
    stderr: 'There is no ApiGateway, Route or policy in namespace shop; -A shows all namespaces.\n',
  });
});

test('what may not be read is said, and the rest is shown', async () => {
  createGateway();
  may = ({ resource }) => resource.endsWith('s') && !['pods', 'configmaps', 'namespaces'].includes(resource);
  const { code, stdout, stderr } = await evengate('status', '-n', 'shop');
  expect([code, stdout]).toEqual([0, expect.stringContaining('ApiGateway shop/edge')]);
  expect(stderr).toContain('note: you may not list pods in namespace shop: which Envoys run is not known.\n');
});

test('a Secret that we may not read is a note, and nobody is blamed', async () => {
  const jwt = [{ name: 'corp', issuer: 'https://login.example.com', jwks: { secretRef: { name: 'keys' } } }];
  const secret = ours('AuthPolicy', 'secret', {
    targetRefs: [{ kind: 'Route', name: 'orders' }],
    authenticate: { jwt },
  });
  createGateway();
  for (const one of [route, secret]) create(one);
  api.create(service);
  may = ({ resource }) => resource !== 'secrets';
  const note = 'note: you may not get Secret shop/keys: what needs its keys is taken to be shut.\n';
  const lint = await evengate('lint', '-n', 'shop');
  expect(lint).toEqual({ code: 0, stdout: '', stderr: `${note}0 errors, 0 warnings in 5 objects\n` });
  const { code, stdout, stderr } = await evengate('status', 'route/orders', '-n', 'shop');
  expect([code, stderr]).toEqual([1, note]);
  expect(stdout).toMatch(/Rule read +Unknown/);
  expect(stdout).toContain(
    'who may call rule read is not known here: you may not read what AuthPolicy shop/secret needs.',
  );
});

describe('a cluster that cannot be read ends with 2 and one sentence', () => {
  const commands = [['status'], ['lint'], ['render'], ['explain', 'GET http://a.example.com/']];
  test.each<readonly [string, () => readonly string[] | Promise<readonly string[]>, RegExp]>([
    [
      'Forbidden',
      () => {
        may = () => false;
        return ['-n', 'shop'];
      },
      /^evengate: you may not list apigateways\.evengate\.dev in namespace shop: ask for the right, .*\.\n$/,
    ],
    [
      'CRDs missing',
      () => {
        api.unserve(resources.ApiGateway);
        return [];
      },
      /^evengate: the cluster does not know apigateways\.evengate\.dev: install the chart .*`evengate crds \| kubectl apply.*\.\n$/,
    ],
    [
      'unreachable',
      async () => {
        await api.goDown();
        return [];
      },
      /^evengate: cannot reach the API server http:\/\/.*: connection refused; .*\.\n$/,
    ],
    [
      'no such context',
      () => ['--context', 'prod'],
      /^evengate: context prod is not in kubeconfig .*; known are: .*\.\n$/,
    ],
    [
      'no such file',
      () => ['--kubeconfig', '/none'],
      /^evengate: kubeconfig \/none does not exist; name one that does\.\n$/,
    ],
  ])('%s', async (_, prepare, said) => {
    const more = await prepare();
    for (const command of commands) {
      const { code, stdout, stderr } = await evengate(...command, ...more);
      expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(said)]);
    }
  });
});

describe('other commands read the cluster, too', () => {
  beforeEach(() => {
    for (const one of [gateway, route, anyone, unkeyed, service]) api.create(one);
  });

  test('lint: what is wrong in the namespace, without places in files', async () => {
    const { code, stdout, stderr } = await evengate('lint', '-n', 'shop');
    expect([code, stderr]).toEqual([1, '2 errors, 0 warnings in 5 objects\n']);
    expect(stdout).toMatch(/^error {2}InvalidJwks {4}AuthPolicy shop\/unkeyed {2}spec\.authenticate\.jwt\[0\]/m);
    expect(await evengate('lint', '-n', 'other')).toEqual({
      code: 0,
      stdout: '',
      stderr: '0 errors, 0 warnings in 0 objects\n',
    });
  });

  test('render: the ApiGateways and statuses of the namespace', async () => {
    const { code, stdout } = await evengate('render', '-A');
    expect([code, stdout]).toEqual([0, expect.stringContaining('# ApiGateway shop/edge: lds.json')]);
    expect((await evengate('render', '-n', 'other')).stdout).toBe('');
  });

  test('explain: wherever the host is served', async () => {
    const { code, stdout } = await evengate('explain', 'GET http://a.example.com/orders');
    expect([code, stdout]).toEqual([0, expect.stringContaining('Forwarded to Service shop/orders port 80')]);
    expect(await evengate('explain', 'GET http://a.example.com/orders', '--class', 'internal')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /no ApiGateway of class internal that can be read; --class names another: evengate\.\n$/,
      ),
    });
  });
});

describe('of several classes, and none named', () => {
  const internal = (namespace: string, name: string, kind: string, spec: object): KubeObject => ({
    ...ours(kind, name, spec),
    metadata: { name, namespace },
  });

  beforeEach(() => {
    for (const one of [gateway, route, anyone, service]) api.create(one);
    api.create(internal('back', 'inner', 'ApiGateway', { className: 'internal', listeners }));
    const to = {
      parentRefs: [{ name: 'inner', namespace: 'back' }],
      rules: [{ name: 'far', respond: { status: 204 } }],
    };
    api.create(internal('front', 'far', 'Route', to));
    api.create(internal('back', 'near', 'Route', { ...to, parentRefs: [{ name: 'inner' }] }));
  });

  test.each([
    ['whose ApiGateways are of another one', 'back', /No operator of class internal has reported/],
    ['whose Routes are at one of another', 'front', /No operator of class internal has reported/],
    ['whose ApiGateways are of the usual one', 'shop', /No operator of class evengate has reported/],
  ])('it is that of a namespace %s', async (_, namespace, said) => {
    const { stdout } = await evengate('status', '-n', namespace);
    expect(stdout).toMatch(said);
    expect(stdout).not.toMatch(/--class/);
  });

  test('explain -n asks those of the namespace', async () => {
    const { code, stdout } = await evengate('explain', 'GET http://any.test/', '-n', 'back');
    expect([code, stdout]).toEqual([0, expect.stringContaining('ApiGateway back/inner, listener web')]);
  });
});

test.each([
  ['rout/orders', /there is no kind "rout"; write route, a slash and a name/],
  ['pod/x', /there is no kind "pod"; write one of apigateway, route/],
  ['route', /"route" names no object; write route\/NAME/],
  ['route/none', /there is no Route default\/none; evengate status -A shows/],
])('status %s: %s', async (written, said) => {
  expect(await evengate('status', written)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(said) });
});

test('-n and -A exclude each other', async () => {
  expect(await evengate('status', '-n', 'shop', '-A')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/-n and -A exclude each other/),
  });
});
