import { expect, test } from '@jest/globals';
import { normaliseInMesh, normaliseTarget } from './normalise-path.ts';

/** `redirect /b`, `refused`, or path and query. All rows were seen in Envoy 1.40.0. */
function outcome(target: string): string {
  const result = normaliseTarget(target);
  if (result.kind === 'path') return `${result.path}${result.query}`;
  return result.kind === 'redirect' ? `redirect ${result.location}` : 'refused';
}

test.each([
  ['/', '/'],
  ['//a', '/a'],
  ['/a//', '/a/'],
  ['///', '//'],
  ['/a/./b', '/a/b'],
  ['/a/../b', '/b'],
  ['/..', '/'],
  ['/a/..', '/'],
  ['/a/.', '/a/'],
  ['/a//../b', '/a/b'],
  ['/a/.../b', '/a/.../b'],
  ['/a/%2E%2e/b', '/b'],
  ['/a\\..\\b', '/b'],
  ['/a/..;/b', '/b'],
  ['/a/..;x=1/b', '/b'],
  ['/a/.;x', '/a/'],
  ['/a/%2e%2e;/b', '/a/..;/b'],
  ['/a/..%3b/b', '/a/..%3b/b'],
  ['/a/..?x/../y', '/?x/../y'],
])('dots and slashes: %s', (target, expected) => expect(outcome(target)).toBe(expected));

test.each([
  ['/%61%2D%5f%7E', '/a-_~'],
  ['/%20%3B%e4', '/%20%3B%e4'],
  ['/a"<>^`{|}b', '/a%22%3C%3E%5E%60%7B%7C%7Db'],
  ["/[]!$&'()*+,=:@", "/[]!$&'()*+,=:@"],
  ['/x%', '/x%'],
  ['/x%zz', '/x%zz'],
  ['/%252f', '/%252f'],
  // Decoded once, it must not read as another escape.
  ['/x%2%66', '/x%252f'],
  ['/%25%34%31', '/%2541'],
  ['/%%41', '/%A'],
  ['/?%61=%2f', '/?%61=%2f'],
])('escapes: %s', (target, expected) => expect(outcome(target)).toBe(expected));

test.each([
  ['/a%2Fb', 'redirect /a/b'],
  ['/a%5cb%41?q=%2f', 'redirect /a/bA?q=%2f'],
  ['/a%2f..%2fb', 'redirect /b'],
  ['/a/..;x%2fy/b', 'redirect /y/b'],
  ['/%2F', 'redirect //'],
])('an escaped slash sends the client to the plain path: %s', (target, expected) => {
  expect(outcome(target)).toBe(expected);
});

test.each([
  ['a fragment', '/a#b'],
  ['a fragment in the query', '/a?b#c'],
  ['a space', '/a b'],
  ['a control character', '/a\u0001'],
  ['a control character in the query', '/a?\u007f'],
  ['not ASCII', '/ä'],
  ['NUL', '/a%00'],
  ['NUL behind an escaped slash', '/a%2fb%00'],
  ['no path', 'a'],
])('refused: %s', (_, target) => expect(outcome(target)).toBe('refused'));

test('NUL in a query, or in parameters of dots that are dropped, is nobody’s concern', () => {
  expect(outcome('/?%00')).toBe('/?%00');
  expect(outcome('/a/..;%00/b')).toBe('/b');
});

test.each([
  ['/a/../b?x=/../y', '/b?x=/../y', '/b?x=/../y'],
  ['/a//b', '/a//b', '/a/b'],
  ['/a%2fb?c', '/a%2fb?c', '/a/b?c'],
  ['/a/..;x/b', '/b', '/b'],
  ['/%61#c', '/a', '/a'],
])('a proxy of Istio makes of %s by default %s, and of all that is asked %s', (target, base, full) => {
  const seen = [false, true].map((fully) => normaliseInMesh(target, fully));
  expect(seen.map((one) => (one.kind === 'path' ? `${one.path}${one.query}` : one.reason))).toEqual([base, full]);
});
