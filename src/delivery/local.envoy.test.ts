import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Secret } from '../kube/core.ts';
import { type KubeObject, keyOf } from '../kube/object.ts';
import { type Edge, edgeRenderer } from '../render/edge.ts';
import { hashOf } from '../render/fragment.ts';
import { resolver } from '../resolve/resolve.ts';
import { authPolicy, gateway, jwt, route, service, snapshotOf, tlsSecret } from '../testing/build.ts';
import { envoyForTests } from '../testing/envoy.ts';
import { freePort } from '../testing/ports.ts';
import { signingKey } from '../testing/rig-tokens.ts';
import { type LocalEnvoy, type Outcome, openLocal } from './local.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;

let local: LocalEnvoy;
let ports: Map<number, number>;
const said: string[] = [];

beforeEach(async () => {
  said.length = 0;
  ports = new Map([
    [80, await freePort()],
    [443, await freePort()],
  ]);
  local = await openLocal({
    gateway: { kind: 'ApiGateway', namespace: 'shop', name: 'edge' },
    binary: 'binary' in found ? found.binary : '',
    env: process.env,
    log: (_, line) => said.push(line),
  });
});
afterEach(() => local.stop());

type Tamper = (file: string, text: string) => string;

/** The edge of the objects; `tamper` makes of a file what Evengate would never render. */
function edgeOf(objects: readonly KubeObject[], tamper: Tamper = (_, text) => text): Edge {
  const { directory, certificates } = local;
  const render = edgeRenderer({
    directory,
    certificates,
    trustedCertificates: '/etc/ssl/certs/ca-certificates.crt',
    sharePorts: false,
    bind: (_, port) => ({ address: '127.0.0.1', port: ports.get(port) ?? port }),
    endpoints: () => ({ kind: 'addresses', addresses: [] }),
  });
  const resolved = resolver()(snapshotOf(objects)).gateways.get('shop/edge');
  if (resolved === undefined) throw new Error('no gateway');
  const edge = render(resolved);
  const files = edge.files.map((file) => {
    const text = tamper(file.name, file.text('V'));
    return text === file.text('V')
      ? file
      : { ...file, hash: hashOf([text]), text: (version: string) => text.replace('"V"', JSON.stringify(version)) };
  });
  return { ...edge, files };
}

function publish(objects: readonly KubeObject[], tamper?: Tamper): Promise<Outcome> {
  return local.publish(edgeOf(objects, tamper), ({ namespace, name }) => {
    const secret = objects.find(
      (one) =>
        one.kind === 'Secret' && keyOf(one.metadata.namespace ?? '', one.metadata.name) === `${namespace}/${name}`,
    ) as Secret | undefined;
    return { certificate: secret?.stringData?.['tls.crt'] ?? '', key: secret?.stringData?.['tls.key'] ?? '' };
  });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(token?: string): Promise<Answer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    httpGet({ host: '127.0.0.1', port: ports.get(80), agent: false, headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    }).on('error', reject);
  });
}

/** SHA-256 fingerprint of the certificate that a client is shown. */
function shownCertificate(): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: ports.get(443),
      servername: 'shop.example.com',
      rejectUnauthorized: false,
      agent: false,
    };
    httpsGet(options, (response) => {
      resolve((response.socket as TLSSocket).getPeerCertificate().fingerprint256);
      response.resume();
    }).on('error', reject);
  });
}

const saying = (body: string, policy: KubeObject = authPolicy()) => [
  gateway(),
  route({ rules: [{ name: 'all', respond: { status: 200, body } }] }),
  policy,
];
const taken = { taken: true, revision: expect.any(String) };
const refused = (about: object, message: RegExp) => ({
  taken: false,
  takenPorts: [],
  findings: [
    {
      about: expect.objectContaining(about),
      severity: 'error',
      reason: 'NotProgrammed',
      at: '',
      message: expect.stringMatching(message),
      remedy: expect.any(String),
    },
  ],
});

suite('local delivery', () => {
  test('serves, takes changes, and says with the revision what it serves', async () => {
    const first = await publish(saying('one'));
    expect(first).toEqual(taken);
    expect(await ask()).toEqual({ status: 200, body: 'one' });
    expect(await publish(saying('two'))).toEqual(taken);
    expect(await ask()).toEqual({ status: 200, body: 'two' });
    expect(await publish(saying('one'))).toEqual(first);
    expect(await ask()).toEqual({ status: 200, body: 'one' });
    expect(said).toEqual([]);
  });

  test('what Envoy refuses is withdrawn and told; the old answer stays, and a mend is taken', async () => {
    const cases: readonly (readonly [string, object, RegExp])[] = [
      ['rds-http-80.json', { kind: 'ApiGateway' }, /Envoy refused rds-http-80.json: /],
      ['ecds-jwt-http-80.json', { kind: 'ApiGateway' }, /Envoy refused ecds-jwt-http-80.json: /],
      ['cds.json', { kind: 'ApiGateway' }, /Envoy refused cds.json: /],
      ['lds.json', { kind: 'ApiGateway' }, /Envoy refused lds.json: /],
    ];
    const good = saying('good');
    await publish(good);
    for (const [name, about, message] of cases) {
      const broken: Tamper = (file, text) =>
        file === name
          ? text.replace(
              /"resources":\[(.)/,
              (_, next: string) =>
                `"resources":[{"@type":"type.googleapis.com/envoy.Nope"}${next === ']' ? ']' : `,${next}`}`,
            )
          : text;
      expect(await publish(saying('bad'), broken)).toEqual(refused(about, message));
      expect(await ask()).toEqual({ status: 200, body: 'good' });
    }
    expect(await publish(saying('mended'))).toEqual(taken);
    expect(await ask()).toEqual({ status: 200, body: 'mended' });
  }, 30_000);

  test('a cluster that Envoy refuses names its Service, and the good ones beside it are not left behind', async () => {
    const objects = [gateway(), route(), authPolicy(), service()];
    expect(await publish(objects)).toEqual(taken);
    const broken: Tamper = (file, text) =>
      file === 'cds.json' ? text.replace('"type":"STATIC"', '"type":"ORIGINAL_DST"') : text;
    const answer = await publish(objects, broken);
    expect(answer).toEqual(refused({ kind: 'Service', namespace: 'shop', name: 'orders' }, /ORIGINAL_DST/));
    expect(await publish(objects)).toEqual(taken);
    expect((await ask()).status).toBe(503);
  });

  test('a refused filter is never believed: published again it is refused again, and a revoked key stays revoked', async () => {
    const [old, fresh] = [await signingKey('a'), await signingKey('b')];
    const guarded = (jwks: string) =>
      saying('in', authPolicy({ authenticate: { jwt: [jwt({ jwks: { inline: jwks } })] } }));
    const withOld = (await old.sign({})).text;
    const withFresh = (await fresh.sign({})).text;
    await publish(guarded(old.jwks));
    expect([(await ask(withOld)).status, (await ask(withFresh)).status]).toEqual([200, 401]);
    const broken: Tamper = (file, text) =>
      file.startsWith('ecds-jwt') ? text.replace('"issuer":"', '"issuer":"","nope":"') : text;
    for (let times = 0; times < 3; times += 1) {
      expect(await publish(guarded(fresh.jwks), broken)).toMatchObject({ taken: false });
      expect([(await ask(withOld)).status, (await ask(withFresh)).status]).toEqual([200, 401]);
    }
    expect(await publish(guarded(fresh.jwks))).toEqual(taken);
    expect([(await ask(withOld)).status, (await ask(withFresh)).status]).toEqual([401, 200]);
  });

  test('certificates are private files, and a renewed one is shown as soon as it is acknowledged', async () => {
    const secure = (secret: KubeObject) => [
      gateway({
        listeners: [{ name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'shop-tls' }] } }],
      }),
      ...saying('x').slice(1),
      secret,
    ];
    const first = await publish(secure(tlsSecret()));
    const before = await shownCertificate();
    const second = await publish(secure(tlsSecret()));
    expect([first, second]).toEqual([taken, taken]);
    expect(second).not.toEqual(first);
    expect(await shownCertificate()).not.toBe(before);
    const folder = join(local.certificates, 'shop.shop-tls');
    const [content = '', ...others] = readdirSync(folder);
    expect(others).toEqual([]);
    expect(readFileSync(join(folder, content, 'tls.key'), 'utf8')).toContain('PRIVATE KEY');
    for (const name of ['tls.crt', 'tls.key']) expect(statSync(join(folder, content, name)).mode & 0o777).toBe(0o600);
    expect(statSync(join(local.directory, '..')).mode & 0o777).toBe(0o700);
  });

  test('a certificate that Envoy refuses leaves the old one, and a good one is taken after it', async () => {
    const secure = (secret: KubeObject) => [
      gateway({
        listeners: [{ name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'shop-tls' }] } }],
      }),
      ...saying('x').slice(1),
      secret,
    ];
    const good = tlsSecret();
    await publish(secure(good));
    const before = await shownCertificate();
    const bad = await local.publish(edgeOf(secure(good)), () => ({ certificate: 'none', key: 'none' }));
    expect(bad).toEqual(refused({ kind: 'ApiGateway' }, /Envoy refused sds-shop.shop-tls.json/));
    expect(await shownCertificate()).toBe(before);
    expect(await publish(secure(tlsSecret()))).toEqual(taken);
    expect(await shownCertificate()).not.toBe(before);
  });

  test('a certificate that Envoy refused when it started is refused also with the next change', async () => {
    const bad = { certificate: 'none', key: 'none' };
    const https = (body: string) => [
      gateway({
        listeners: [{ name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'shop-tls' }] } }],
      }),
      route({ rules: [{ name: 'all', respond: { status: 200, body } }] }),
      authPolicy(),
      tlsSecret(),
    ];
    for (const body of ['one', 'two', 'three']) {
      const told = await local.publish(edgeOf(https(body)), () => bad);
      expect(told).toEqual(refused({ kind: 'ApiGateway' }, /Envoy refused sds-shop.shop-tls.json: .*certificate/));
    }
    expect(await publish(https('four'))).toMatchObject({ taken: true });
  });

  test('a port that is taken is told apart, and what was served stays', async () => {
    await publish(saying('one'));
    const other: Server = createServer();
    const taken = ports.get(443) ?? 0;
    await new Promise<void>((resolve) => other.listen(taken, '127.0.0.1', resolve));
    const listeners = [
      { name: 'web', port: 80, protocol: 'HTTP' },
      { name: 'two', port: 443, protocol: 'HTTP' },
    ];
    const answer = await publish([gateway({ listeners }), ...saying('two').slice(1)]);
    await new Promise((resolve) => other.close(resolve));
    expect(answer).toEqual({ taken: false, findings: [], takenPorts: [taken] });
    expect(await ask()).toEqual({ status: 200, body: 'one' });
    expect(await publish([gateway({ listeners }), ...saying('two').slice(1)])).toEqual({
      taken: true,
      revision: expect.any(String),
    });
    expect(await ask()).toEqual({ status: 200, body: 'two' });
  });

  test('listeners come and go, and nobody is left who misses their files', async () => {
    const listeners = [
      { name: 'web', port: 80, protocol: 'HTTP' },
      { name: 'two', port: 443, protocol: 'HTTP' },
    ];
    for (let times = 0; times < 3; times += 1) {
      expect(await publish([gateway({ listeners }), ...saying('two').slice(1)])).toEqual(taken);
      expect(await publish(saying('one'))).toEqual(taken);
    }
    expect(said).toEqual([]);
  });

  test('an Envoy that dies is started again, tells so, and serves what it served', async () => {
    await publish(saying('one'));
    process.kill(envoyPid(), 'SIGKILL');
    expect(await untilAnswers()).toEqual({ status: 200, body: 'one' });
    expect(said.join('\n')).toMatch(/Envoy of ApiGateway shop\/edge ended \(SIGKILL\)/);
    expect(await publish(saying('two'))).toEqual(taken);
    expect(await ask()).toEqual({ status: 200, body: 'two' });
  });

  test('one that dies in the middle of a publication takes it up all the same', async () => {
    await publish(saying('one'));
    const publication = publish(saying('two'));
    process.kill(envoyPid(), 'SIGKILL');
    expect(await publication).toEqual(taken);
    expect(await ask()).toEqual({ status: 200, body: 'two' });
  });

  test('stop leaves no process and no file, also in the middle', async () => {
    await publish(saying('one'));
    const pid = envoyPid();
    const publication = publish(saying('two')).catch((error: Error) => error.message);
    await local.stop();
    await publication;
    expect(existsSync(join(local.directory, '..'))).toBe(false);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    await expect(publish(saying('three'))).rejects.toThrow('stopped');
  });

  test('publications take turns: the last one stays', async () => {
    const outcomes = await Promise.all(['one', 'two', 'three', 'four'].map((body) => publish(saying(body))));
    expect(outcomes).toEqual([taken, taken, taken, taken]);
    expect(await ask()).toEqual({ status: 200, body: 'four' });
  });
});

/** The Envoy that runs in our directory. */
function envoyPid(): number {
  const root = join(local.directory, '..');
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const pid = pids.find((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`${root}/run/bootstrap.json`);
    } catch {
      return false;
    }
  });
  if (pid === undefined) throw new Error('no Envoy runs');
  return Number(pid);
}

async function untilAnswers(): Promise<Answer> {
  for (let left = 200; left > 0; left -= 1) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await sleep(50);
  }
  throw new Error('nobody answers');
}
