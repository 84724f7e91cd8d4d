/** Whatever zod refuses, the API server refuses as well, and the other way round: one mutation of a good object at a time. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { apiServer } from '../testing/api-server.ts';
import { fuzz } from '../testing/fuzz.ts';
import { goodSpecs } from '../testing/good-specs.ts';
import { changed, places } from '../testing/leaves.ts';
import { kinds } from './kinds.ts';

/** Texts that are right in one place and wrong in another. */
const words = (
  'a A * ** *a a* *a* a*b -a a- a.b a..b . GET get 0 5s / // /a /a/ /a;b /a//b /a/../b /a/. /a/.b /%2F /%zz /%20 /a?b /a#b /%41 /%2a ' +
  '/é /{*} /{**}/a /{*}* /{a} { /[0-9]+ /(?=a) 1.2.3.4 1.2.3.4/33 1.2.3 :: ::1/129 *.example.com example.com EXAMPLE.com ' +
  'http://a https://a:1/b?c ftp://a http://[::1] Host host X-Envoy-Retry te tea :path text/html text/html;q=é é'
).split(' ');
const lengths = [0, 63, 64, 253, 254, 4097].map((length) => 'a'.repeat(length));
const texts = [...words, ...lengths, `/${'a'.repeat(1024)}`, ' ', '5 s', 'https://a b', 'x a', 'a\n', '\t', '\u0000'];
const others = [null, true, false, 0, 1, -1, 1.5, 65535, 65536, 1e9, [], {}, ['a'], [{}], { name: 'a' }];

const alphabet = Array.from('*./%;{}:-_ A0a~#?&"\\\t\n\u0000é');

/** What stands there now, or anything else that a hand could have written in its place. */
const change = fc.oneof(
  fc.constant(() => undefined),
  fc.constantFrom(...texts, ...others).map((value) => () => value),
  fc.constantFrom('colour', 'name', 'type', 'value').map((key) => (old: unknown) => insertKey(old, key)),
  fc.constant((old: unknown) => (Array.isArray(old) ? [...old, ...old] : old)),
  fc.tuple(fc.nat(), fc.constantFrom(...alphabet)).map(([at, character]) => (old: unknown) => {
    return typeof old === 'string' ? insertText(old, at % (old.length + 1), character) : old;
  }),
);

function insertKey(old: unknown, key: string): unknown {
  return typeof old === 'object' && old !== null && !Array.isArray(old) ? { ...old, [key]: 'a' } : old;
}

function insertText(old: string, at: number, character: string): string {
  return `${old.slice(0, at)}${character}${old.slice(at)}`;
}

describe.each(kinds.map((definition) => [definition.kind, definition] as const))('%s', (kind, definition) => {
  const server = apiServer(definition);
  const good = goodSpecs[kind] ?? [];
  const all = good.flatMap((spec) => [...places(spec)].map(({ path }) => ({ spec, path })));

  test('zod and the API server agree on every mutation', () => {
    const counts = { refused: 0, taken: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...all), change, ({ spec, path }, mutate) => {
        const value = changed(spec, path, mutate);
        if (value === undefined) return;
        const zod = definition.spec.safeParse(value);
        const refusals = server.refusals(value);
        counts[zod.success ? 'taken' : 'refused']++;
        if (zod.success === (refusals.length === 0)) return;
        throw new Error(
          `${path.join('.')}: zod says ${zod.error?.message ?? 'yes'}, the API server ${refusals.join() || 'yes'}`,
        );
      }),
      fuzz(1000),
    );
    // Neither side may win by refusing everything, or nothing.
    expect(Math.min(counts.refused, counts.taken)).toBeGreaterThan((counts.refused + counts.taken) / 10);
  });
});
