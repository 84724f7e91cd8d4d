import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readJwks } from '../../../features/jwt/jwks.ts';
import { corpJwks } from '../../../testing/build.ts';
import { fuzz } from '../../../testing/fuzz.ts';
import { entriesOf, readEntries } from './key-entries.ts';

const uri = 'https://login.example.com/jwks';
const read = readJwks(corpJwks);
const jwks = read.ok ? read.jwks : '';
const [[key, value] = ['', '']] = Object.entries(entriesOf(new Map([[uri, jwks]])).data);

/** About so many bytes of keys. */
function large(kib: number): string {
  const [only] = (JSON.parse(jwks) as { readonly keys: readonly [object] }).keys;
  return JSON.stringify({ keys: [{ ...only, kid: 'x'.repeat(kib * 1024) }] });
}

describe('key sets', () => {
  test('come back as they went, whatever their URIs and their order', () => {
    const sets = fc.dictionary(fc.webUrl({ withQueryParameters: true, validSchemes: ['https'] }), fc.constant(jwks));
    fc.assert(
      fc.property(sets, (some) => {
        const all = new Map(Object.entries(some));
        const { data, left } = entriesOf(all);
        expect(left).toEqual([]);
        expect(JSON.stringify(data)).toBe(JSON.stringify(entriesOf(new Map([...all].toReversed())).data));
        expect(Object.keys(data).every((name) => /^[-._a-zA-Z0-9]+$/.test(name))).toBe(true);
        const { sets: back, problems } = readEntries(data);
        expect(back).toEqual(all);
        expect(problems).toEqual([]);
      }),
      fuzz(30),
    );
  });

  test('that find no room: the largest are left, and named', () => {
    const sets = new Map([
      ['https://a.example.com/', large(500)],
      ['https://b.example.com/', large(600)],
      ['https://c.example.com/', jwks],
      ['https://d.example.com/', large(300)],
      ['https://e.example.com/', large(1000)],
    ]);
    const { data, left } = entriesOf(sets);
    expect(left).toEqual(['https://b.example.com/', 'https://e.example.com/']);
    expect([...readEntries(data).sets.keys()].toSorted()).toEqual([
      'https://a.example.com/',
      'https://c.example.com/',
      'https://d.example.com/',
    ]);
  });
});

const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const entry = (of: string, keys: unknown) => {
  const [name = ''] = Object.keys(entriesOf(new Map([[of, jwks]])).data);
  return { [name]: JSON.stringify({ uri: of, jwks: keys }) };
};

test.each<readonly [string, Readonly<Record<string, string>>, string]>([
  ['no JSON', { [key]: `secret ${value}` }, 'it is not JSON of the form {"uri": …, "jwks": …}'],
  ['nothing', { [key]: 'null' }, 'it is not JSON of the form {"uri": …, "jwks": …}'],
  ['no keys', { [key]: JSON.stringify({ uri }) }, 'it is not JSON of the form {"uri": …, "jwks": …}'],
  ['keys under the name of another URI', { other: value }, 'it is of another URI than its name says'],
  ['a URI that is none', entry('login', JSON.parse(jwks)), 'its URI is none'],
  [
    'a URI that nobody may fetch',
    entry('http://169.254.169.254/jwks', JSON.parse(jwks)),
    "169.254.169.254 is the cloud's metadata service",
  ],
  ['a private key', entry(uri, { keys: [privateKey] }), 'keys[0] is a private key: publish only its public part'],
  ['a symmetric key', entry(uri, { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }), 'keys[0] is symmetric'],
  ['no key', entry(uri, { keys: [] }), 'it holds no key'],
])('an entry with %s is ignored, and its neighbour is not', (_, bad, problem) => {
  const neighbour = entriesOf(new Map([['https://other.example.com/', jwks]])).data;
  const { sets, problems } = readEntries({ ...neighbour, ...bad });
  expect([...sets]).toEqual([['https://other.example.com/', jwks]]);
  expect(problems).toEqual([expect.stringContaining(problem)]);
  expect(problems.join()).not.toMatch(/secret|c2VjcmV0|"d"/);
});

test('what is read back is what is published: a member too many is left out', () => {
  const { keys } = JSON.parse(jwks) as { readonly keys: readonly object[] };
  const { sets } = readEntries(entry(uri, { keys: keys.map((one) => ({ x5u: 'https://evil', ...one })) }));
  expect([...sets]).toEqual([[uri, jwks]]);
});
