import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backendRef, gateway, route, service } from '../testing/build.ts';
import { compile } from '../testing/compile.ts';
import { fuzz } from '../testing/fuzz.ts';
import { type RenderedRoute, type RouteList, tablesOf } from '../testing/tables.ts';

interface Value {
  readonly type: 'Exact' | 'RegularExpression';
  readonly name: string;
  readonly value: string;
}

interface Match {
  readonly path: { readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value: string };
  readonly method?: string;
  readonly headers: readonly Value[];
  readonly queryParams: readonly Value[];
}

interface Request {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

const text = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'abc', 'a%20b', 'a=b'), { maxLength: 3 })
  .map((parts) => `/${parts.join('/')}`);
const pattern = fc.constantFrom('/a.*', '/[ab]+', '/a/(b|c)', '.*', '/ab?', '/.+/b');
const values = (name: string) => [
  { type: 'Exact' as const, name, value: '1' },
  { type: 'RegularExpression' as const, name, value: '[12]' },
];

/** One regular expression among so many; each stands in every leaf of a tree, of which there is none past a limit. */
function matchWith(paths: number, longest: number): fc.Arbitrary<Match> {
  const type = fc.constantFrom('Exact' as const, 'PathPrefix' as const);
  const value = text.filter((path) => path.length > 1 && path.length <= longest);
  return fc.record(
    {
      path: fc.oneof(
        { weight: paths, arbitrary: fc.record({ type, value }) },
        { weight: 1, arbitrary: fc.constant({ type: 'PathPrefix' as const, value: '/' }) },
        { weight: 1, arbitrary: fc.record({ type: fc.constant('RegularExpression' as const), value: pattern }) },
      ),
      method: fc.constantFrom('GET', 'POST'),
      headers: fc.subarray([...values('x-a'), ...values('x-b')].slice(0, 3), { maxLength: 2 }),
      queryParams: fc.subarray(values('v'), { maxLength: 1 }),
    },
    { requiredKeys: ['path', 'headers', 'queryParams'] },
  );
}

const request: fc.Arbitrary<Request> = fc.record({
  path: fc.oneof(
    { weight: 3, arbitrary: text },
    { weight: 1, arbitrary: text.map((path) => `${path}/`.replace('//', '/')) },
    { weight: 1, arbitrary: text.map((path) => `${path}x`) },
  ),
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  headers: fc.constantFrom<Readonly<Record<string, string>>>({}, { 'x-a': '1' }, { 'x-a': '2', 'x-b': '1' }),
  query: fc.constantFrom<Readonly<Record<string, string>>>({}, { v: '1' }, { v: '2', w: '1' }),
});

/** Gateway API's words: matching, and then the order of precedence, one after the other. */
function oracle(routes: readonly (readonly Match[])[], wanted: Request): string {
  const candidates = routes.flatMap((matches, index) =>
    matches.flatMap((one, place) => (takes(one, wanted) ? [{ one, name: nameOf(index, place), index, place }] : [])),
  );
  const kinds = ['Exact', 'RegularExpression', 'PathPrefix'];
  const rank = ({ one, index, place }: (typeof candidates)[number]): readonly number[] => [
    kinds.indexOf(one.path.type),
    -canonical(one).length,
    one.method === undefined ? 1 : 0,
    -one.headers.length,
    -one.queryParams.length,
    index,
    place,
  ];
  const best = candidates.toSorted((a, b) => compareLists(rank(a), rank(b)))[0];
  return best?.name ?? 'not-found';
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** "A trailing slash of a prefix is ignored." */
function canonical({ path: { type, value } }: Match): string {
  return type === 'PathPrefix' && value !== '/' ? value.replace(/\/$/, '') : value;
}

function takes(one: Match, { path, method, headers, query }: Request): boolean {
  const elements = (whole: string) => whole.split('/').filter((element) => element !== '');
  const has = (wanted: readonly Value[], found: Readonly<Record<string, string>>) =>
    wanted.every(({ name, type, value }) => {
      const own = found[name];
      return own !== undefined && (type === 'Exact' ? own === value : new RegExp(`^(?:${value})$`).test(own));
    });
  const isPath = {
    Exact: () => path === one.path.value,
    PathPrefix: () => elements(canonical(one)).every((element, index) => elements(path)[index] === element),
    RegularExpression: () => new RegExp(`^(?:${one.path.value})$`).test(path),
  };
  return (
    isPath[one.path.type]() &&
    (one.method === undefined || one.method === method) &&
    has(one.headers, headers) &&
    has(one.queryParams, query)
  );
}

function nameOf(index: number, place: number): string {
  return `shop/route-${String(index).padStart(2, '0')}/rule-0/${place}`;
}

/** Envoy's: the longest key of the tree that begins `:path`, its list alone, and of that the first that matches. */
function rendered(lists: readonly RouteList[], wanted: Request): string {
  const query = new URLSearchParams(wanted.query).toString();
  const whole = query === '' ? wanted.path : `${wanted.path}?${query}`;
  const list = lists
    .filter(({ key }) => key === undefined || whole.startsWith(key))
    .toSorted((a, b) => (b.key?.length ?? 0) - (a.key?.length ?? 0))[0];
  return list?.routes.find((one) => envoyTakes(one, wanted))?.name ?? 'nothing';
}

interface EnvoyMatch {
  readonly prefix?: string;
  readonly path?: string;
  readonly path_separated_prefix?: string;
  readonly safe_regex?: { readonly regex: string };
  readonly headers?: readonly EnvoyValue[];
  readonly query_parameters?: readonly EnvoyValue[];
}

interface EnvoyValue {
  readonly name: string;
  readonly string_match: { readonly exact?: string; readonly safe_regex?: { readonly regex: string } };
}

function envoyTakes(one: RenderedRoute, { path, method, headers, query }: Request): boolean {
  const wanted = one.match as EnvoyMatch;
  const full = (regex: string) => new RegExp(`^(?:${regex})$`);
  const separated = wanted.path_separated_prefix;
  const isPath =
    (wanted.prefix !== undefined && path.startsWith(wanted.prefix)) ||
    (wanted.path !== undefined && path === wanted.path) ||
    (separated !== undefined && (path === separated || path.startsWith(`${separated}/`))) ||
    (wanted.safe_regex !== undefined && full(wanted.safe_regex.regex).test(path));
  const has = (list: readonly EnvoyValue[] | undefined, found: Readonly<Record<string, string>>) =>
    (list ?? []).every(({ name, string_match: { exact, safe_regex } }) => {
      const own = found[name];
      if (own === undefined) return false;
      return exact === undefined ? full(safe_regex?.regex ?? '').test(own) : own === exact;
    });
  return isPath && has(wanted.headers, { ...headers, ':method': method }) && has(wanted.query_parameters, query);
}

function listsOf(routes: readonly (readonly Match[])[]): readonly RouteList[] {
  const objects = routes.map((matches, index) =>
    route({ rules: [{ matches, backendRefs: [backendRef()] }] }, { name: `route-${String(index).padStart(2, '0')}` }),
  );
  const compiled = compile([gateway({ defaultAccess: 'Public' }), service(), ...objects.toReversed()]);
  return tablesOf(compiled.resources)[0]?.lists ?? [];
}

test.each([
  { size: 'a list', least: 1, most: 6, match: matchWith(3, 20) },
  { size: 'a tree', least: 14, most: 18, match: matchWith(60, 5) },
])('a request goes where Gateway API sends it, by way of $size', ({ size, least, most, match }) => {
  const runs = fuzz(100);
  let trees = 0;
  let found = 0;
  const routes = fc.array(fc.array(match, { minLength: 1, maxLength: 4, size: 'max' }), {
    minLength: least,
    maxLength: most,
  });
  fc.assert(
    fc.property(routes, fc.array(request, { minLength: 12, maxLength: 12 }), (all, requests) => {
      const lists = listsOf(all);
      trees += Number(lists.length > 1);
      for (const wanted of requests) {
        const expected = oracle(all, wanted);
        found += Number(expected !== 'not-found');
        expect([wanted, rendered(lists, wanted)]).toEqual([wanted, expected]);
      }
    }),
    runs,
  );
  expect(found).toBeGreaterThan(runs.numRuns);
  if (size === 'a tree') expect(trees).toBeGreaterThan(runs.numRuns / 5);
});
