import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Issuer } from '../../ir/guard.ts';
import { bearerToken, claimedToken, tokenFacts } from './token.ts';

const now = new Date('2026-11-21T12:00:00Z');
const seconds = now.getTime() / 1000;
const [first, second] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
if (first === undefined || second === undefined) throw new Error('no keys');

function issuer(id: string, name: string, key: KeyObject, more: object = {}): Issuer {
  const jwks = JSON.stringify({ keys: [{ ...key.export({ format: 'jwk' }), ...more }] });
  return { id, issuer: name, keys: { kind: 'inline', jwks } };
}

const corp = issuer('corp-1', 'corp', first.publicKey, { kid: 'a', alg: 'ES256' });
const rotated = issuer('corp-2', 'corp', second.publicKey);
const far: Issuer = { id: 'far', issuer: 'far', keys: { kind: 'remote', uri: 'https://far.test/jwks' } };
const issuers = [corp, rotated, far];

/** `claims` may be any text, as a token may hold any. */
function sign(claims: object | string, header: object = {}, key: KeyObject = first?.privateKey as KeyObject): string {
  const encode = (part: object | string) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
  const input = `${encode({ alg: 'ES256', ...header })}.${encode(claims)}`;
  const signature = createSign('sha256').update(input).sign({ key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const factsOf = (token: string) => tokenFacts(`Bearer ${token}`, issuers, now);

test('a token verifies under every issuer of its name whose keys fit', async () => {
  expect(await factsOf(sign({ iss: 'corp', sub: 'alice' }))).toEqual({
    kind: 'valid',
    issuerIds: ['corp-1'],
    claims: { iss: 'corp', sub: 'alice' },
  });
  expect(await factsOf(sign({ iss: 'corp' }, { kid: 'any' }, second.privateKey))).toMatchObject({
    issuerIds: ['corp-2'],
  });
});

test.each<readonly [string, object, object, string]>([
  ['another key id', { iss: 'corp' }, { kid: 'b' }, 'no key of the issuer is for kid b'],
  ['expired', { iss: 'corp', exp: seconds - 61 }, {}, 'expired'],
  ['not valid yet', { iss: 'corp', nbf: seconds + 61 }, {}, 'not valid yet'],
  ['keys that only Envoy fetches', { iss: 'far' }, {}, 'fetched from https://far.test/jwks'],
])('refused: %s', async (_, claims, header, reason) => {
  expect(await factsOf(sign(claims, header))).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining(reason),
  });
});

test('a minute of clock skew is forgiven, and exp 0 is none', async () => {
  for (const claims of [{ exp: seconds - 60 }, { nbf: seconds + 60 }, { exp: 0 }]) {
    expect(await factsOf(sign({ iss: 'corp', ...claims }))).toMatchObject({ kind: 'valid' });
  }
});

test('a forged signature is refused', async () => {
  const [header, payload] = sign({ iss: 'corp' }).split('.');
  expect(await factsOf(`${header}.${payload}.${'A'.repeat(86)}`)).toMatchObject({ kind: 'refused', issuer: 'corp' });
});

test.each([
  ['text', 'opaque'],
  ['an unknown issuer', sign({ iss: 'nobody' })],
  ['no issuer', sign({ sub: 'x' })],
  ['an issuer that is no text', sign({ iss: 5 })],
  ['a time that is no number', sign({ iss: 'corp', exp: '1' })],
  ['a negative time', sign({ iss: 'corp', exp: -1 })],
  ['audiences that are no texts', sign({ iss: 'corp', aud: ['x', 5] })],
  ['a key id that is no text', sign({ iss: 'corp' }, { kid: 5 })],
  ['an unknown algorithm', sign({ iss: 'corp' }, { alg: 'none' })],
  ['claims that are no object', sign('[1]')],
  ['no signature', sign({ iss: 'corp' }).replace(/[^.]*$/, '')],
  ['two parts', sign({ iss: 'corp' }).replace(/\.[^.]*$/, '')],
  ['something behind it', `${sign({ iss: 'corp' })} x`],
])('no token to Envoy: %s', async (_, token) => {
  expect(await factsOf(token)).toEqual({ kind: 'unknown' });
});

test.each([
  ['Bearer abc', 'abc'],
  ['Bearer  abc', 'abc'],
  ['Basic x,Bearer abc', 'abc'],
  ['bearer abc', undefined],
  ['Bearer ', undefined],
  ['abc', undefined],
])('the token of %s', (header, expected) => expect(bearerToken(header)).toBe(expected));

test('without a token there are no facts', async () => {
  expect(await tokenFacts(undefined, issuers, now)).toBeUndefined();
  expect(await tokenFacts('Basic YTpi', issuers, now)).toBeUndefined();
});

test('claims are those of every issuer of that name', () => {
  expect(claimedToken({ iss: 'corp' }, issuers)).toEqual({
    kind: 'valid',
    issuerIds: ['corp-1', 'corp-2'],
    claims: { iss: 'corp' },
  });
  expect(claimedToken({ iss: 'nobody' }, issuers)).toEqual({ kind: 'unknown' });
});
