/** Good specs with one thing changed, as a hand would: some stay good, and most do not. */
import fc from 'fast-check';
import { goodSpecs } from './good-specs.ts';
import { changed, type Path, places } from './leaves.ts';

/** Texts that are right in one place and wrong in another. */
const words = (
  'a A * ** *a a* *a* a*b -a a- a.b a..b . GET get 0 5s / // /a /a/ /a;b /a//b /a/../b /a/. /a/.b /%2F /%zz /%20 /a?b /a#b /%41 /%2a ' +
  '/é /{*} /{**}/a /{*}* /{a} { /[0-9]+ /(?=a) 1.2.3.4 1.2.3.4/33 1.2.3 :: ::1/129 *.example.com example.com EXAMPLE.com ' +
  'http://a https://a:1/b?c ftp://a http://[::1] Host host X-Envoy-Retry te tea :path text/html text/html;q=é é'
).split(' ');
const lengths = [0, 63, 64, 253, 254, 4097].map((length) => 'a'.repeat(length));
const texts = [...words, ...lengths, `/${'a'.repeat(1024)}`, ' ', '5 s', 'https://a b', 'x a', 'a\n', '\t', '\u0000'];
const numbers = [0, 1, -1, 1.5, 65535, 65536, 1e9];
const others = [null, true, false, ...numbers, [], {}, ['a'], [{}], { name: 'a' }];

const alphabet = Array.from('*./%;{}:-_ A0a~#?&"\\\t\n\u0000é');

/** What stands there now, or anything else that a hand could have written in its place. */
const change: fc.Arbitrary<(old: unknown) => unknown> = fc.oneof(
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

/** A mutated spec; undefined when the change took all of it away. */
export interface Mutation {
  readonly path: Path;
  readonly spec: unknown;
}

/** One change of one good spec of the kind. Throws when the kind has none. */
export function mutations(kind: string): fc.Arbitrary<Mutation> {
  return fc
    .tuple(fc.constantFrom(...goodPlaces(kind)), change)
    .map(([{ spec, path }, mutate]) => ({ path, spec: changed(spec, path, mutate) }));
}

/** Every number of the good specs at the edges of its range, and every text at usual lengths: chance seldom meets those. */
export function edgeMutations(kind: string): readonly Mutation[] {
  return goodPlaces(kind).flatMap(({ spec, path, value }) => {
    const edges = typeof value === 'number' ? numbers : typeof value === 'string' ? lengths : [];
    return edges.map((edge) => ({ path, spec: changed(spec, path, () => edge) }));
  });
}

function goodPlaces(kind: string): readonly (Mutation & { readonly value: unknown })[] {
  return (goodSpecs[kind] ?? []).flatMap((spec) => [...places(spec)].map((place) => ({ spec, ...place })));
}
