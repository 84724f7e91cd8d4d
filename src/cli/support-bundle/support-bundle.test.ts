import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { fakeIo } from '../../testing/fake-io.ts';
import { type KubeApi, type KubeApiOptions, startKubeApi } from '../../testing/kube-api/index.ts';
import { runProgram } from '../program.ts';

let folder: string;
let api: KubeApi;
let may: NonNullable<KubeApiOptions['authorize']>;

const log = (name: string) => `${name}: authorization: Bearer canary-log-${name}-1234567890\n`;

beforeEach(async () => {
  may = () => true;
  folder = mkdtempSync(join(tmpdir(), 'ev-bundle-'));
  api = await startKubeApi({
    authorize: (attributes) => may(attributes),
    respond: ({ url }) => {
      if (url.includes('/log?'))
        return { body: log(url.includes('previous') ? 'previous' : 'now'), contentType: 'text/plain' };
      if (url.includes('/proxy/stats')) return { body: 'http.web.downstream_rq_total: 7\n', contentType: 'text/plain' };
      return undefined;
    },
  });
  writeFileSync(join(folder, 'config'), api.kubeconfig);
});
afterEach(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function bundle(...words: readonly string[]) {
  const io = fakeIo({ env: { KUBECONFIG: join(folder, 'config') } });
  const path = join(folder, 'out.tar.gz');
  const code = await runProgram(['support-bundle', '-o', path, ...words], io);
  return { code, path, ...io.written };
}

/** Everything that is in it, headers too. */
const contentOf = (path: string) => gunzipSync(readFileSync(path)).toString('latin1');

function object(kind: string, name: string, fields: object, namespace = 'shop'): KubeObject {
  const apiVersion = ['Secret', 'ConfigMap', 'Pod'].includes(kind) ? 'v1' : 'evengate.dev/v1alpha1';
  return { apiVersion, kind, metadata: { name, namespace }, ...fields };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A secret wherever a user could have put one. */
function planted(): readonly KubeObject[] {
  const noted = {
    name: 'edge',
    namespace: 'shop',
    annotations: {
      'example.com/token': 'canary-annotation',
      'kubectl.kubernetes.io/last-applied-configuration': '{"x":"canary-applied"}',
    },
  };
  const tls = { certificateRefs: [{ name: 'cert' }] };
  const rules = [
    {
      matches: [{ headers: [{ name: 'x-origin-verify', value: 'canary-match' }] }],
      requestHeaders: { set: [{ name: 'Authorization', value: 'Basic canary-header' }] },
      backendRefs: [{ name: 'orders', port: 80 }],
    },
  ];
  const issuer = 'https://login.example.com';
  const jwt = [
    { name: 'corp', issuer, jwks: { secretRef: { name: 'keys' } } },
    { name: 'old', issuer, jwks: { configMapRef: { name: 'keys' } } },
  ];
  const told = {
    'rds-web.json': JSON.stringify({ request_headers_to_add: [{ header: { key: 'x', value: 'canary-told' } }] }),
  };
  const labels = { 'evengate.dev/gateway': 'edge', 'app.kubernetes.io/component': 'edge' };
  return [
    object('ApiGateway', 'edge', {
      metadata: noted,
      spec: { listeners: [{ name: 'https', port: 443, protocol: 'HTTPS', tls }] },
    }),
    object('Route', 'orders', { spec: { parentRefs: [{ name: 'edge' }], rules } }),
    object('AuthPolicy', 'orders', {
      spec: { targetRefs: [{ kind: 'Route', name: 'orders' }], authenticate: { jwt } },
    }),
    object('Secret', 'cert', { data: { 'tls.key': base64('-----BEGIN PRIVATE KEY-----\ncanary-key\n') } }),
    object('Secret', 'keys', { data: { 'jwks.json': base64('{"keys":[{"k":"canary-jwks"}]}') } }),
    object('ConfigMap', 'keys', { data: { text: 'canary-data' }, binaryData: { bytes: base64('canary-binary') } }),
    object('ConfigMap', 'edge-edge-config-0', { data: told }),
    object('Pod', 'edge-edge-1', {
      metadata: { name: 'edge-edge-1', namespace: 'shop', labels },
      spec: {
        initContainers: [{ name: 'agent' }],
        containers: [
          {
            name: 'envoy',
            env: [{ name: 'A', value: 'canary-env' }],
            args: ['--password=canary-argument', '--token', 'canary-next'],
          },
        ],
      },
    }),
  ];
}

/** The Pod has ended once. */
function plant(): void {
  for (const one of planted()) {
    api.create(one);
    const containerStatuses = [{ name: 'envoy', restartCount: 1, state: {} }];
    if (one.kind === 'Pod') api.putStatus(one, { containerStatuses });
  }
}

test('has what helps, and no secret wherever one was put', async () => {
  plant();
  const { code, path, stdout } = await bundle();
  expect([code, stdout]).toEqual([0, expect.stringMatching(/out\.tar\.gz: \d+ files, \d+ KiB\n$/)]);
  const content = contentOf(path);
  expect(content.match(/canary[\w-]*/g)).toBeNull();
  expect(content).not.toContain(base64('canary').slice(0, 7));
  for (const part of [
    'objects/shop/route/orders.yaml',
    'objects/shop/secret/cert.yaml',
    'tls.key: 39 bytes',
    'bytes: 13 bytes',
    'logs/shop/edge-edge-1/agent.log',
    'logs/shop/edge-edge-1/envoy.log',
    'logs/shop/edge-edge-1/envoy-previous.log',
    'envoy/shop/edge/rds-web.yaml',
    'downstream_rq_total: 7',
    'status.txt',
    'lint.txt',
    'BackendNotFound',
    '"evengate": "',
  ]) {
    expect([part, content.includes(part)]).toEqual([part, true]);
  }
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
}, 30_000);

test('has what Istio is told, by us and by others, and what runs in Pods behind a gateway in a mesh', async () => {
  plant();
  const istio = (kind: string, name: string, namespace: string, spec: object) => ({
    apiVersion: 'security.istio.io/v1',
    kind,
    metadata: { name, namespace },
    spec,
  });
  const container = { name: 'app', env: [{ name: 'A', value: 'canary-env' }] };
  const { spec } = planted()[0] as { readonly spec: object };
  for (const one of [
    istio('PeerAuthentication', 'all', 'istio-system', { mtls: { mode: 'DISABLE' } }),
    istio('AuthorizationPolicy', 'theirs', 'shop', {
      rules: [{ when: [{ key: 'request.headers[x-key]', values: ['canary-condition'] }] }],
    }),
    istio('RequestAuthentication', 'tokens', 'shop', { jwtRules: [{ issuer: 'a', jwks: '{"keys":["canary-jwks"]}' }] }),
    istio('AuthorizationPolicy', 'foreign', 'elsewhere', {}),
    object('Pod', 'orders-1', { spec: { containers: [container], initContainers: [{ name: 'istio-proxy' }] } }),
  ])
    api.create(one);
  api.put(object('ApiGateway', 'edge', { spec: { ...spec, mesh: { mode: 'Sidecar' } } }));
  const { code, path } = await bundle();
  expect(code).toBe(0);
  const content = contentOf(path);
  expect(content.match(/canary[\w-]*/g)).toBeNull();
  for (const part of [
    'objects/istio-system/peerauthentication/all.yaml',
    'objects/shop/authorizationpolicy/theirs.yaml',
    'objects/shop/requestauthentication/tokens.yaml',
    'objects/shop/pod/orders-1.yaml',
    'name: istio-proxy',
  ]) {
    expect([part, content.includes(part)]).toEqual([part, true]);
  }
  expect(content).not.toContain('objects/elsewhere');
}, 30_000);

test('what may not be read is missing, and said', async () => {
  plant();
  may = ({ resource, subresource }) => !['secrets', 'events'].includes(resource) && subresource !== 'log';
  const { code, path, stderr } = await bundle('-n', 'shop');
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/things could not be read; not-read\.txt in it says which\.\n$/),
  ]);
  const content = contentOf(path);
  for (const part of ['you may not get Secret shop/cert.', 'you may not list events.events.k8s.io.']) {
    expect(content).toContain(part);
  }
});

test('a file that is there is nobody else’s to lose', async () => {
  writeFileSync(join(folder, 'out.tar.gz'), 'mine');
  const { code, stderr } = await bundle();
  expect([code, stderr]).toEqual([2, expect.stringMatching(/out\.tar\.gz exists; name another file with -o\.\n$/)]);
  expect(readFileSync(join(folder, 'out.tar.gz'), 'utf8')).toBe('mine');
});

test('a file that is there is seen before the cluster is read', async () => {
  writeFileSync(join(folder, 'out.tar.gz'), 'mine');
  await api.goDown();
  const { code, stderr } = await bundle();
  expect([code, stderr]).toEqual([2, expect.stringMatching(/out\.tar\.gz exists; name another file with -o\.\n$/)]);
});

test('a cluster that cannot be read leaves no file', async () => {
  await api.goDown();
  expect(await bundle()).toMatchObject({ code: 2, stderr: expect.stringMatching(/cannot reach the API server/) });
  expect(readdirSync(folder)).toEqual(['config']);
});
