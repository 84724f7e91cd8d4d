import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fuzz } from '../testing/fuzz.ts';
import type { Attribute } from './attribute.ts';
import {
  admitAll,
  admitNobody,
  and,
  type Conjunction,
  type Constraint,
  conjunction,
  type Decision,
  intersect,
  maximumConjunctions,
  needsIssuer,
  normalise,
  type Source,
} from './decision.ts';
import { evaluate, type RequestFacts } from './evaluate.ts';
import { formatPattern, type Pattern, parsePathPattern } from './pattern.ts';

const scope: Attribute = { kind: 'claim', path: ['scope'] };
const team: Attribute = { kind: 'header', name: 'x-team' };

function is(
  attribute: Attribute | 'method' | 'path' | 'host' | 'remoteIp' | 'issuer' | 'principal' | 'clientCertificate',
  ...members: string[]
): Constraint {
  const whole = typeof attribute === 'string' ? { kind: attribute } : attribute;
  return { attribute: whole, negated: false, anyOf: members.map(parsePathPattern) };
}

function not(...from: Parameters<typeof is>): Constraint {
  return { ...is(...from), negated: true };
}

function by(name: string, rule = 'allow[0]'): Source {
  return { policy: { kind: 'AuthPolicy', namespace: 'shop', name }, rule };
}

/** `method: GET POST`, `path: not /a*`: what a conjunction says, a line a constraint. */
function told(one: Conjunction | 'empty'): readonly string[] | 'empty' {
  if (one === 'empty') {
    return one;
  }
  return one.constraints.map(({ attribute, negated, anyOf }) => {
    const name = 'name' in attribute ? attribute.name : 'path' in attribute ? attribute.path.join('.') : attribute.kind;
    return `${name}:${negated ? ' not' : ''} ${anyOf.map(formatPattern).join(' ')}`;
  });
}

describe('conjunction', () => {
  test.each<[string, readonly Constraint[], readonly string[] | 'empty']>([
    ['nothing', [], []],
    ['sorts', [is('path', '/b', '/a'), is('method', 'POST', 'GET', 'GET')], ['method: GET POST', 'path: /a /b']],
    ['drops subsumed members', [is('path', '/a/b', '/a*', '/a', '*c', '/c')], ['path: /a* *c']],
    ['intersects single values', [is('path', '/a*', '/b'), is('path', '/ab*', '/b', '/c')], ['path: /b /ab*']],
    ['keeps what one set cannot say', [is('path', '/a*'), is('path', '*b')], ['path: *b', 'path: /a*']],
    ['prunes what one set cannot say', [is('path', '/a*', '/x'), is('path', '*b', '/y')], ['path: *b', 'path: /a*']],
    ['unites negations', [not('path', '/a'), not('path', '/a*', '/b')], ['path: not /b /a*']],
    ['settles exact against negated', [is('method', 'GET', 'PUT'), not('method', 'PUT')], ['method: GET']],
    ['keeps a negation that bites', [is('path', '/a*'), not('path', '/ab*', '/c')], ['path: /a*', 'path: not /ab*']],
    ['host and port', [is('host', 'h', 'h:*'), is('host', 'h', 'h:*', 'g', 'g:*')], ['host: h h:*']],
    ['headers have many values', [is(team, 'a'), is(team, 'b')], ['x-team: a', 'x-team: b']],
    ['a header implied', [is(team, 'a', 'b'), is(team, 'a'), is(team, '*')], ['x-team: a']],
    ['a header negated', [is(team, 'a', 'b'), not(team, 'b', 'c')], ['x-team: a', 'x-team: not b c']],
    ['claims have many values', [is(scope, 'a'), is(scope, 'b')], ['scope: a', 'scope: b']],
    [
      'masks and nests ranges',
      [is('remoteIp', '10.1.2.3/8', '10.9.0.0/16', '1.1.1.1')],
      ['remoteIp: 1.1.1.1/32 10.0.0.0/8'],
    ],
    [
      'intersects ranges',
      [is('remoteIp', '10.0.0.0/8', '::/0'), is('remoteIp', '10.1.0.0/16', '11.0.0.0/8')],
      ['remoteIp: 10.1.0.0/16'],
    ],
    [
      'a range without one',
      [is('remoteIp', '10.0.0.0/8'), not('remoteIp', '10.1.0.0/16', '11.0.0.0/8')],
      ['remoteIp: 10.0.0.0/8', 'remoteIp: not 10.1.0.0/16'],
    ],
    ['issuers meet', [is('issuer', 'a', 'b'), is('issuer', 'b', 'c')], ['issuer: b']],
    ['not none of nothing', [not('path')], []],
    ['empty: any of nothing', [is('path')], 'empty'],
    ['empty: exact', [is('path', '/a'), is('path', '/b')], 'empty'],
    ['empty: prefixes', [is('path', '/a*'), is('path', '/b*')], 'empty'],
    ['empty: suffixes', [is('path', '*a'), is('path', '*b')], 'empty'],
    ['empty: templates', [is('path', '/a/{*}'), is('path', '/b/{**}')], 'empty'],
    [
      'empty: three ways',
      [is('path', '/a*', '/b*'), is('path', '*x', '/b*'), is('path', '/a*', '*x'), is('path', '/c')],
      'empty',
    ],
    ['empty: ranges', [is('remoteIp', '10.0.0.0/8'), is('remoteIp', '::/0', '11.0.0.0/8')], 'empty'],
    ['empty: negated', [is('path', '/a', '/ab*'), not('path', '/a*')], 'empty'],
    ['empty: negated header', [is(team, 'a', 'ab'), not(team, 'a*')], 'empty'],
    ['empty: negated range', [is('remoteIp', '10.1.0.0/16'), not('remoteIp', '10.0.0.0/8')], 'empty'],
    ['identities meet', [is('principal', 'td/ns/a/*'), is('principal', 'td/ns/a/sa/b')], ['principal: td/ns/a/sa/b']],
    [
      'a certificate has many names',
      [is('clientCertificate', 'a'), is('clientCertificate', 'b')],
      ['clientCertificate: a', 'clientCertificate: b'],
    ],
    ['empty: identities', [is('principal', 'td/ns/a/sa/b'), is('principal', 'td/ns/b/*')], 'empty'],
    ['empty: issuers', [is('issuer', 'a'), is('issuer', 'b')], 'empty'],
  ])('%s', (_, constraints, expected) => {
    expect(told(conjunction(constraints, []))).toEqual(expected);
  });

  test('sources are united and sorted, each once', () => {
    const a = conjunction([is('method', 'GET')], [by('b'), by('a', 'x')]);
    const b = conjunction([is('path', '/')], [by('b')]);
    expect(a === 'empty' || b === 'empty' || intersect(a, b)).toEqual({
      constraints: [is('method', 'GET'), is('path', '/')],
      sources: [by('a', 'x'), by('b')],
    });
  });

  test('an address that the schema should have refused is a bug, not a policy', () => {
    expect(() => conjunction([not('remoteIp', '10.0.0')], [])).toThrow('not a CIDR');
  });
});

describe('normalise', () => {
  const of = (constraints: readonly Constraint[], ...sources: readonly Source[]) => ({ constraints, sources });

  test('keeps the widest, unites the sources of equal ones', () => {
    const rows = normalise([
      of([is('method', 'GET'), is('path', '/a')], by('narrow')),
      of([is('path', '/a')], by('two')),
      of([is('path', '/b'), is('path', '/c')], by('empty')),
      of([is('path', '/a', '/a')], by('one')),
      of([not('method', 'PUT')], by('negated')),
      of([is('method', 'POST')], by('implied by a negation')),
    ]);
    expect(rows.map((row) => [told(row), row.sources])).toEqual([
      [['method: not PUT'], [by('negated')]],
      [['path: /a'], [by('one'), by('two')]],
    ]);
  });

  test('with several values, the one that is wanted does not keep out another', () => {
    expect(normalise([of([is(team, 'a')]), of([not(team, 'b')])])).toHaveLength(2);
    expect(normalise([of([is('path', 'a')]), of([not('path', 'b')])])).toHaveLength(1);
  });

  test('attributes are told apart, however many', () => {
    const rows = Array.from({ length: 80 }, (_, index) => of([is({ kind: 'header', name: `h${index}` }, 'a')]));
    expect(normalise(rows)).toHaveLength(80);
  });

  test('a conjunction without constraints covers all', () => {
    expect(normalise([of([is('path', '/a')]), ...admitAll.allow])).toEqual(admitAll.allow);
  });
});

describe('and', () => {
  const allow = (...rows: readonly (readonly Constraint[])[]): Decision => ({
    deny: [],
    allow: rows.map((constraints) => ({ constraints, sources: [] })),
  });
  const tellAll = (decision: Decision | 'too-complex') =>
    decision === 'too-complex' ? decision : decision.allow.map(told);

  test('nothing admits all; nobody stays nobody', () => {
    expect(and([])).toEqual(admitAll);
    expect(and([admitAll, admitAll])).toEqual(admitAll);
    expect(and([admitAll, admitNobody])).toEqual(admitNobody);
  });

  test('an inner policy tightens and never loosens', () => {
    const outer = allow([is('issuer', 'corp')]);
    const inner = allow([is('issuer', 'corp', 'partner'), is('method', 'GET')], [is('path', '/public')]);
    expect(tellAll(and([outer, inner]))).toEqual([
      ['issuer: corp', 'method: GET'],
      ['issuer: corp', 'path: /public'],
    ]);
  });

  test('disjoint issuers admit nobody', () => {
    expect(and([allow([is('issuer', 'a')]), allow([is('issuer', 'b')])])).toEqual(admitNobody);
  });

  test('denies are united', () => {
    const a: Decision = { ...admitAll, deny: [{ constraints: [is('remoteIp', '10.0.0.0/8')], sources: [by('a')] }] };
    const b: Decision = { ...admitAll, deny: [{ constraints: [is('remoteIp', '10.1.0.0/16')], sources: [by('b')] }] };
    expect(and([b, a])).toEqual(a);
  });

  test('at most 512 at every step, in allow and in deny', () => {
    const many = (count: number, attribute: Attribute) =>
      allow(...Array.from({ length: count }, (_, index) => [is(attribute, `v${index}`)]));
    const header = (name: string): Attribute => ({ kind: 'header', name });
    expect(tellAll(and([many(32, header('a')), many(16, header('b'))]))).toHaveLength(maximumConjunctions);
    expect(and([many(27, header('a')), many(19, header('b'))])).toBe('too-complex');
    expect(and([many(27, header('a')), many(19, header('b')), admitNobody])).toEqual(admitNobody);
    expect(and([many(513, header('a'))])).toBe('too-complex');
    expect(and([many(100_000, header('a'))])).toBe('too-complex');
    expect(and([{ ...admitAll, deny: many(513, header('a')).allow }])).toBe('too-complex');
    expect(tellAll(and([many(512, { kind: 'path' }), many(512, { kind: 'path' })]))).toHaveLength(512);
  });
});

test.each<[string, Decision, boolean]>([
  ['nobody', admitNobody, false],
  ['all', admitAll, false],
  ['one of two', { deny: [], allow: [[is('issuer', 'a')], []].map(plain) }, false],
  ['both', { deny: [], allow: [[is('issuer', 'a')], [is('issuer', 'b'), is('path', '/')]].map(plain) }, true],
  ['negated', { deny: [], allow: [[not('issuer', 'a')]].map(plain) }, false],
])('needsIssuer: %s', (_, decision, expected) => expect(needsIssuer(decision)).toBe(expected));

function plain(constraints: readonly Constraint[]): Conjunction {
  return { constraints, sources: [] };
}

// ---- Against brute force: few values, so that collisions are the rule. ----

const paths = ['/', '/a', '/b', '/ab', '/a/', '/a/b', '/b/a', '/a/b/a', '/|'];
const pathPatterns = ['/a', '/a*', '/a/*', '*a', '*b', '*', '/b', '/{*}', '/a/{**}', '/{*}/{*}', '/{**}/a', '/b*'];
const words = ['a', 'ab', 'b', ''];
const wordPatterns = ['a', 'ab', 'b', 'a*', '*b', '*'];
const ranges = ['10.0.0.0/30', '10.0.0.0/31', '10.0.0.2', '10.0.0.3/32', '0.0.0.0/0', '::/0', '::ffff:10.0.0.2/127'];
const addresses = ['10.0.0.0', '10.0.0.1', '10.0.0.2', '::ffff:10.0.0.3', '::1'];

const domain: readonly (readonly [Attribute, readonly string[]])[] = [
  [{ kind: 'method' }, ['GET', 'POST', 'PUT']],
  [{ kind: 'path' }, pathPatterns],
  [{ kind: 'host' }, ['a', 'a:*', '*.b', '*', 'ab*']],
  [{ kind: 'directIp' }, ranges],
  [{ kind: 'remoteIp' }, ranges],
  [{ kind: 'issuer' }, ['p', 'q', 'r', '*']],
  [{ kind: 'principal' }, ['td/ns/a/sa/b', 'td/ns/a/*', '*']],
  [{ kind: 'clientCertificate' }, ['a', 'b', '*']],
  [team, wordPatterns],
  [scope, wordPatterns],
];

function constraintOver(index: number): fc.Arbitrary<Constraint> {
  const [attribute, members] = domain[index] ?? [team, wordPatterns];
  return fc.record({
    attribute: fc.constant(attribute),
    negated: fc.boolean(),
    anyOf: fc.array(fc.constantFrom(...members).map(parsePathPattern), { minLength: 1, maxLength: 3 }),
  });
}

const constraint = fc.nat(domain.length - 1).chain(constraintOver);
/** Three of four constraints about one or two attributes: the interesting ones meet. */
const constraints = fc.oneof(
  fc.array(constraint, { maxLength: 4 }),
  fc.nat(domain.length - 1).chain((index) => fc.array(constraintOver(index), { maxLength: 4 })),
);
const source = fc.constantFrom(by('a'), by('b'), by('b', 'deny[0]'));
const raw: fc.Arbitrary<Conjunction> = fc.record({ constraints, sources: fc.array(source, { maxLength: 2 }) });
const decision: fc.Arbitrary<Decision> = fc.record({
  deny: fc.array(raw, { maxLength: 2 }),
  allow: fc.array(raw, { maxLength: 4 }),
});

const request: fc.Arbitrary<RequestFacts> = fc.record(
  {
    method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH'),
    path: fc.constantFrom(...paths),
    host: fc.constantFrom('a', 'A', 'a:80', 'x.b', 'ab', 'c'),
    headers: fc.array(fc.constantFrom(...words), { maxLength: 3 }).map((lines) => new Map([['x-team', lines]])),
    directIp: fc.constantFrom(...addresses),
    remoteIp: fc.constantFrom(...addresses),
    principal: fc.constantFrom('td/ns/a/sa/b', 'td/ns/a/sa/c', 'td/ns/b/sa/b'),
    clientCertificate: fc.constantFrom(['a'], ['a', 'b'], []),
    token: fc.record({
      issuers: fc.array(fc.constantFrom('p', 'q', 's'), { minLength: 1, maxLength: 1 }),
      claims: fc.record({
        scope: fc.oneof(fc.constantFrom('a', 'a b', 'ab', ''), fc.array(fc.constantFrom(...words))),
      }),
    }),
  },
  { requiredKeys: ['method', 'path', 'host', 'headers', 'directIp', 'remoteIp'] },
);
const requests = fc.array(request, { minLength: 12, maxLength: 12 });

/** Written from the meaning alone: shares no code with what it checks. */
function bruteForce({ deny, allow }: Decision, facts: RequestFacts): boolean {
  const all = (one: Conjunction) => one.constraints.every((each) => naive(each, facts));
  return allow.some(all) && !deny.some(all);
}

function naive({ attribute, negated, anyOf }: Constraint, facts: RequestFacts): boolean {
  let found = false;
  for (const value of naiveValues(attribute, facts)) {
    for (const pattern of anyOf) {
      const address = attribute.kind === 'directIp' || attribute.kind === 'remoteIp';
      const isThere = attribute.kind === 'header' && pattern.kind === 'present';
      found ||= isThere || (address ? naiveRange(formatPattern(pattern), value) : naiveText(pattern, value));
    }
  }
  return negated ? !found : found;
}

function naiveValues(attribute: Attribute, facts: RequestFacts): readonly string[] {
  if (attribute.kind === 'header') {
    return facts.headers.get('x-team') ?? [];
  }
  if (attribute.kind === 'claim') {
    const claim = facts.token?.claims['scope'];
    return typeof claim === 'string' ? claim.split(' ').filter(Boolean) : Array.isArray(claim) ? claim : [];
  }
  if (attribute.kind === 'issuer') {
    return facts.token?.issuers ?? [];
  }
  if (attribute.kind === 'host') return [facts.host.toLowerCase()];
  if (attribute.kind === 'principal') return facts.principal === undefined ? [] : [facts.principal];
  if (attribute.kind === 'clientCertificate') return facts.clientCertificate ?? [];
  return attribute.kind === 'namespace' || attribute.kind === 'serviceAccount' ? [] : [facts[attribute.kind]];
}

function naiveText(pattern: Pattern, value: string): boolean {
  const escaped = formatPattern(pattern).replace(/[.+$()|[\]\\]/g, '\\$&');
  const one = "[-\\w.~%!$&'()+,;:@=*]";
  const expression = {
    exact: escaped,
    prefix: escaped.replace(/\*$/, '.*'),
    suffix: escaped.replace(/^\*/, '.*'),
    'suffix-any-port': escaped.replace(/^\*/, '.*').concat('(:[0-9]+)?'),
    present: '.+',
    template: escaped.replaceAll('{*}', `${one}+`).replaceAll('{**}', `(${one}|/)*`),
  }[pattern.kind];
  return new RegExp(`^(?:${expression})$`, 's').test(value);
}

function naiveRange(range: string, address: string): boolean {
  const [network = '', length = network.includes(':') ? '128' : '32'] = range.split('/');
  const [family, from] = naiveNumber(network);
  const [other, number] = naiveNumber(address);
  const mapped = network.startsWith('::ffff:') ? 96 : 0;
  const shift = BigInt((family === 4 ? 32 : 128) - (Number(length) - mapped));
  return family === other && from >> shift === number >> shift;
}

/** Only the shapes that the domain has: dotted, mapped, `::` and `::n`. */
function naiveNumber(text: string): readonly [4 | 6, bigint] {
  const dotted = text.replace('::ffff:', '');
  if (dotted.includes('.')) {
    return [4, dotted.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)];
  }
  return [6, BigInt(`0x${text.replaceAll(':', '') || '0'}`)];
}

function admits(one: Decision, list: readonly RequestFacts[]): readonly boolean[] {
  return list.map((facts) => bruteForce(one, facts));
}

function admitting(...allow: readonly Conjunction[]): Decision {
  return { deny: [], allow };
}

describe('against brute force', () => {
  test('evaluate', () => {
    fc.assert(
      fc.property(decision, requests, (one, list) => {
        expect(list.map((facts) => evaluate(one, facts).admitted)).toEqual(admits(one, list));
      }),
      fuzz(400),
    );
  });

  test('conjunction keeps the meaning, and is its own normal form', () => {
    fc.assert(
      fc.property(raw, requests, (one, list) => {
        const normal = conjunction(one.constraints, one.sources);
        expect(admits(normal === 'empty' ? admitNobody : admitting(normal), list)).toEqual(
          admits(admitting(one), list),
        );
        expect(normal === 'empty' || conjunction(normal.constraints, normal.sources)).toEqual(
          normal === 'empty' || normal,
        );
      }),
      fuzz(1500),
    );
  });

  test('conjunction finds what a single-valued attribute cannot be', () => {
    // Without templates and keep-both pairs, emptiness over every value of the domain is emptiness.
    const exact = fc.array(fc.constantFrom('GET', 'POST', 'PUT').map(parsePathPattern), { minLength: 1, maxLength: 2 });
    const about = fc.record({
      attribute: fc.constant({ kind: 'method' } as const),
      negated: fc.boolean(),
      anyOf: exact,
    });
    fc.assert(
      fc.property(fc.array(about, { minLength: 1, maxLength: 4 }), (list) => {
        const possible = ['GET', 'POST', 'PUT', 'PATCH'].some((method) =>
          list.every(({ negated, anyOf }) => anyOf.some((each) => formatPattern(each) === method) !== negated),
        );
        expect(conjunction(list, []) === 'empty').toBe(!possible);
      }),
      fuzz(300),
    );
  });

  test('intersect is AND, either way round', () => {
    fc.assert(
      fc.property(raw, raw, requests, (a, b, list) => {
        const both = intersect(a, b);
        const expected = list.map((facts) => bruteForce(admitting(a), facts) && bruteForce(admitting(b), facts));
        expect(admits(both === 'empty' ? admitNobody : admitting(both), list)).toEqual(expected);
        expect(intersect(b, a)).toEqual(both);
      }),
      fuzz(800),
    );
  });

  test('normalise keeps the meaning, is idempotent, and ignores order', () => {
    fc.assert(
      fc.property(fc.array(raw, { maxLength: 6 }).chain(withShuffled), requests, ([rows, shuffled], list) => {
        const normal = normalise(rows);
        expect(admits(admitting(...normal), list)).toEqual(admits(admitting(...rows), list));
        expect(normalise(normal)).toEqual(normal);
        expect(JSON.stringify(normalise(shuffled))).toBe(JSON.stringify(normal));
      }),
      fuzz(500),
    );
  });

  test('and admits what every decision admits, and ignores order', () => {
    fc.assert(
      fc.property(fc.array(decision, { maxLength: 3 }).chain(withShuffled), requests, ([list, shuffled], facts) => {
        const whole = and(list);
        const expected = facts.map((each) => list.every((one) => bruteForce(one, each)));
        expect(whole === 'too-complex' || admits(whole, facts)).toEqual(expected);
        expect(JSON.stringify(and(shuffled))).toBe(JSON.stringify(whole));
      }),
      fuzz(500),
    );
  });
});

/** The same list in another order, and the order of every list within it changed too. */
function withShuffled<T extends Conjunction | Decision>(
  list: readonly T[],
): fc.Arbitrary<[readonly T[], readonly T[]]> {
  return fc.infiniteStream(fc.nat(0x7fffffff)).map((stream) => {
    const shuffle = (value: unknown): unknown => {
      if (Array.isArray(value)) {
        return value
          .map((each) => ({ each: shuffle(each), order: stream.next().value }))
          .toSorted((a, b) => a.order - b.order)
          .map(({ each }) => each);
      }
      if (typeof value !== 'object' || value === null || 'kind' in value) {
        return value;
      }
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shuffle(each)]));
    };
    return [list, shuffle(list) as readonly T[]];
  });
}

test('who is let in by name stays, beside a rule that lets everyone in: inside the mesh, only names count', () => {
  const batch = plain([is('principal', 'td/ns/billing/*')]);
  const narrower = plain([is('principal', 'td/ns/billing/sa/batch')]);
  expect(normalise([plain([]), batch, narrower]).map(told)).toEqual([[], ['principal: td/ns/billing/*']]);
});

test('inputs are never changed', () => {
  const frozen = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null) {
      Object.values(value).forEach(frozen);
      Object.freeze(value);
    }
    return value;
  };
  fc.assert(
    fc.property(fc.array(decision, { minLength: 2, maxLength: 2 }), (list) => {
      expect(() => and(frozen(list))).not.toThrow();
    }),
    fuzz(100),
  );
});
