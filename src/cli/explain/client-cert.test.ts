import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fakeIo } from '../../testing/fake-io.ts';
import { certificateOf, newKeyPair, testCertificate, tlsSecret } from '../../testing/rig-certificates.ts';
import { apiGateway, authPolicy, namespace, route, to, under } from '../../testing/rig-manifests.ts';
import { runProgram } from '../program.ts';
import { namedCertificate, readCertificate } from './certificate.ts';

const directory = mkdtempSync(join(tmpdir(), 'evengate-explain-'));
const manifests = join(directory, 'manifests.json');
afterAll(() => rmSync(directory, { recursive: true }));

const keys = newKeyPair();
const partners = { name: 'partners', keys };
const authority = certificateOf({ ...partners, authority: true });

/** A file with a certificate, and with its key, as tools write them. */
function file(name: string, request: Partial<Parameters<typeof certificateOf>[0]>): string {
  const path = join(directory, `${name}.pem`);
  const made = certificateOf({ name, keys: newKeyPair(), issuer: partners, ...request });
  writeFileSync(path, `${made.key}${made.certificate}`);
  return path;
}

const a = 'spiffe://partner.example.com/a';
const alice = file('alice', { uris: [a], dnsNames: ['a.partner.example.com'] });
const bob = file('bob', { uris: ['spiffe://partner.example.com/b'] });
const meshed = file('meshed', { uris: ['spiffe://cluster.local/ns/shop/sa/orders'] });
const late = file('late', { uris: [a], valid: [-3, -1] });
const stranger = file('stranger', { uris: [a], issuer: { name: 'strangers', keys: newKeyPair() } });
const nameless = file('nameless', {});

const broken = join(directory, 'broken.pem');
writeFileSync(broken, `${authority.certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`);

const https = (name: string, port: number, mode?: string) => ({
  name,
  port,
  protocol: 'HTTPS',
  tls: {
    certificateRefs: [{ name: 'shop' }],
    ...(mode && { clientValidation: { caCertificateRefs: [{ name: 'partners' }], mode } }),
  },
});
const sections = ['required', 'optional', 'plain', 'web'];

beforeAll(() => {
  const items = [
    apiGateway({
      listeners: [
        https('required', 443, 'Require'),
        https('optional', 444, 'Optional'),
        https('plain', 445),
        { name: 'web', port: 80, protocol: 'HTTP' },
      ],
      mesh: { mode: 'Sidecar' },
    }),
    tlsSecret('shop', testCertificate('shop.example.com')),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'partners', namespace },
      data: { 'ca.crt': authority.certificate },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'orders', namespace },
      spec: { selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
    route('all', [{ name: 'all', ...under('/'), ...to('orders') }], {
      parentRefs: sections.map((sectionName) => ({ name: 'edge', sectionName })),
    }),
    authPolicy('known', 'Route/all', {
      authorize: { allow: [{ name: 'known', from: [{ clientCertificates: [a] }] }] },
    }),
  ];
  writeFileSync(manifests, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
});

async function explained(url: string, ...args: readonly string[]) {
  const io = fakeIo();
  const code = await runProgram(['explain', '-f', manifests, url, ...args], io);
  return { code, ...io.written };
}

describe('a certificate of the client', () => {
  test.each<[string, string, string[], RegExp[]]>([
    [
      'that a rule names',
      'https://shop.example.com/',
      ['--client-cert', alice],
      [
        /listener +✓ .*\n +certificate +✓ verified; its names are spiffe:\/\/partner\.example\.com\/a or a\.partner\.example\.com\n +host/,
        /Forwarded to Service shop\/orders/,
      ],
    ],
    [
      'that no rule names',
      'https://shop.example.com:444/',
      ['--client-cert', bob],
      [
        /certificate +✓ verified; its names are spiffe:\/\/partner\.example\.com\/b/,
        /403 Forbidden: AuthPolicy shop\/known does not allow it/,
      ],
    ],
    [
      'without names',
      'https://shop.example.com/',
      ['--client-cert', nameless],
      [/certificate +✓ verified; it has no name that policies look at/, /403 Forbidden/],
    ],
    [
      "of the gateway's own mesh",
      'https://shop.example.com/',
      ['--client-cert', meshed],
      [
        /certificate +✗ the certificate of the client names an identity of the gateway's own mesh, and comes from outside/,
        /403 Forbidden: the certificate of the client names an identity of the gateway's own mesh/,
      ],
    ],
    [
      'that has expired',
      'https://shop.example.com/',
      ['--client-cert', late],
      [
        /certificate +✗ the certificate of the client does not verify: CN=late has expired at /,
        /No connection: the certificate of the client does not verify/,
      ],
    ],
    [
      'of an unknown authority, where none is needed',
      'https://shop.example.com:444/',
      ['--client-cert', stranger],
      [
        /✗ .*no authority that the listener believes \(CN=partners\) has signed it; CN=stranger was signed by CN=strangers/,
        /No connection/,
      ],
    ],
    [
      'that is taken to verify',
      'https://shop.example.com/',
      ['--client-cert-san', a],
      [/certificate +✓ verified; its names are spiffe:\/\/partner\.example\.com\/a/, /Forwarded to/],
    ],
    [
      'with two URIs',
      'https://shop.example.com/',
      ['--client-cert-san', a, '--client-cert-san', 'URI:spiffe://x.example.com/y'],
      [/✗ the certificate of the client names several URIs/, /403 Forbidden/],
    ],
    [
      'that nobody asks for',
      'https://shop.example.com:445/',
      ['--client-cert', alice],
      [/certificate +✓ not seen, as the listener asks for none \(tls\.clientValidation\)/, /403 Forbidden/],
    ],
    [
      'without TLS',
      'http://shop.example.com/',
      ['--client-cert', alice],
      [/certificate +✓ not seen, as there is no TLS here/, /403 Forbidden/],
    ],
    [
      'that is not shown',
      'https://shop.example.com/',
      [],
      [/certificate +✗ the listener asks for a certificate of the client, and the request shows none/, /No connection/],
    ],
    [
      'that need not be shown',
      'https://shop.example.com:444/',
      [],
      [/certificate +✓ none is shown, and the listener takes clients without one \(mode Optional\)/, /403 Forbidden/],
    ],
  ])('%s', async (_, url, args, lines) => {
    const { code, stdout } = await explained(url, ...args);
    for (const line of lines) expect(stdout).toMatch(line);
    expect(code).toBe(0);
  });

  test('is no secret of the mesh: what stands behind is told as well', async () => {
    const { stdout } = await explained('https://shop.example.com/', '--client-cert', alice);
    expect(stdout).toMatch(
      /In the mesh, cluster\.local\/ns\/shop\/sa\/edge-edge asks Service shop\/orders port 80:\n +sidecar +✓/,
    );
    expect(stdout).not.toContain('PRIVATE KEY');
  });

  test.each<[string[], string]>([
    [['--client-cert', join(directory, 'none.pem')], 'none.pem cannot be read: ENOENT'],
    [['--client-cert', broken], 'broken.pem holds, as certificate 2, something that is none'],
    [['--client-cert', 'package.json'], '--client-cert package.json holds no certificate in PEM'],
    [['--client-cert', alice, '--client-cert-san', a], 'exclude each other'],
    [['--client-cert-san', 'a b'], '--client-cert-san "a b" is no name of a certificate'],
    [['--client-cert', alice, '--from', 'billing/batch'], 'leave out --gateway and --client-cert'],
  ])('ends with 2 on %j', async (args, sentence) => {
    const { code, stderr } = await explained('https://shop.example.com/', ...args);
    expect(stderr).toContain(sentence);
    expect(code).toBe(2);
  });
});

test('names are those in subjectAltName, URIs first, however they are written there', () => {
  const dnsNames = ['b.example.com', 'a.example.com, URI:spiffe://cluster.local/ns/x'];
  const { certificate } = certificateOf({ name: 'cn.example.com', keys, dnsNames, uris: [`${a},"x"`] });
  expect(readCertificate(certificate)).toMatchObject({ names: [`${a},"x"`, ...dnsNames] });
  expect(namedCertificate(['DNS:b.example.com', a])).toEqual({ names: [a, 'b.example.com'] });
});
