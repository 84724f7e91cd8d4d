/** Certificates (RFC 5280), made anew for every run; written by hand, which is shorter than a library's setup. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { type Manifest, namespace } from './rig-manifests.ts';

export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** One DER value; lengths up to 65,535. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const long = length > 255 ? [0x82, length >> 8, length & 255] : [0x81, length];
  return Buffer.concat([Buffer.from([tag, ...(length < 128 ? [length] : long)]), content]);
}

const sequence = (...parts: readonly Buffer[]) => der(0x30, ...parts);
const objectId = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const commonName = objectId('550403');
const subjectAltName = objectId('551d11');
const basicConstraints = objectId('551d13');
const extendedKeyUsage = objectId('551d25');
/** Of RFC 5280 §4.2.1.12. */
const usageIds = { serverAuth: '2b06010505070301', clientAuth: '2b06010505070302', any: '551d2500' } as const;
/** DER's TRUE: that an extension is critical, and that a certificate is an authority's. */
const critical = der(0x01, Buffer.from([0xff]));
const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));

function utcTime(date: Date): Buffer {
  const text = date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${text}Z`));
}

/** P-256. */
export type KeyPair = ReturnType<typeof newKeyPair>;

export function newKeyPair() {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

export interface CertificateRequest {
  /** Common name. */
  readonly name: string;
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  readonly keys: KeyPair;
  /** Signs others. */
  readonly authority?: boolean;
  /** What it is for, and nothing else; anything when absent. */
  readonly usages?: readonly (keyof typeof usageIds)[];
  /** Days from now; from yesterday to tomorrow when absent. */
  readonly valid?: readonly [from: number, to: number];
  /** Itself when absent. */
  readonly issuer?: { readonly name: string; readonly keys: KeyPair };
}

/** PEM texts of a P-256 certificate for DNS names, valid from yesterday to tomorrow. */
export function testCertificate(...names: readonly string[]): TestCertificate {
  return certificateOf({ name: names[0] ?? 'test', dnsNames: names, keys: newKeyPair() });
}

export function certificateOf(request: CertificateRequest): TestCertificate {
  const { name, dnsNames = [], uris = [], keys, authority = false, issuer = { name, keys } } = request;
  const { usages = [], valid = [-1, 1] } = request;
  const [from, to] = valid.map((days) => utcTime(new Date(Date.now() + days * 86_400_000)));
  if (from === undefined || to === undefined) throw new TypeError('a certificate has two times');
  const alternatives = [...dnsNames.map((one) => ia5(0x82, one)), ...uris.map((one) => ia5(0x86, one))];
  const extensions = [
    ...(alternatives.length === 0 ? [] : [sequence(subjectAltName, der(0x04, sequence(...alternatives)))]),
    ...(usages.length === 0 ? [] : [sequence(extendedKeyUsage, der(0x04, sequence(...usages.map(usageOf))))]),
    ...(authority ? [sequence(basicConstraints, critical, der(0x04, sequence(critical)))] : []),
  ];
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    // A leading 1 keeps the serial number positive.
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    distinguished(issuer.name),
    sequence(from, to),
    distinguished(name),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, issuer.keys.privateKey)]));
  const base64 = sequence(body, ecdsaWithSha256, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function usageOf(name: keyof typeof usageIds): Buffer {
  return objectId(usageIds[name]);
}

function ia5(tag: number, text: string): Buffer {
  return der(tag, Buffer.from(text));
}

function distinguished(name: string): Buffer {
  return sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(name)))));
}

/** A kubernetes.io/tls Secret. */
export function tlsSecret(name: string, { certificate, key }: TestCertificate): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name, namespace },
    stringData: { 'tls.crt': certificate, 'tls.key': key },
  };
}
