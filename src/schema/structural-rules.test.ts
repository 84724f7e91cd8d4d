import { describe, expect, test } from '@jest/globals';
import { objectSchema } from '../api/crd.ts';
import { sampleKind } from '../testing/sample-kind.ts';
import { ruleCost } from './cel-cost.ts';
import { houseProblems } from './house-rules.ts';
import { type JsonSchema, without } from './json-schema.ts';
import { apiServerProblems, structuralProblems } from './structural-rules.ts';

function withField(schema: JsonSchema): JsonSchema {
  return { type: 'object', properties: { f: schema } };
}

test('the schema of a whole kind has no problems', () => {
  expect(structuralProblems(objectSchema(sampleKind))).toEqual([]);
});

describe('rules of the API server, in its words', () => {
  const ok = { type: 'object', properties: { a: { type: 'string' } } };
  const table: readonly (readonly [JsonSchema, string])[] = [
    [{}, 'type: Required value: must not be empty at the root'],
    [{ type: 'array', items: { type: 'string' } }, 'type: Invalid value: "array": must be object at the root'],
    [
      { type: 'object', additionalProperties: { type: 'string' } },
      'additionalProperties: Forbidden: must not be used at the root',
    ],
    [withField({}), 'properties[f].type: Required value: must not be empty for specified object fields'],
    [withField({ type: 'array' }), 'properties[f].items: Required value: must be specified'],
    [
      withField({ type: 'array', items: {} }),
      'properties[f].items.type: Required value: must not be empty for specified array items',
    ],
    [
      withField({ ...ok, additionalProperties: { type: 'string' } }),
      'properties[f].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
    ],
    [
      withField({ ...ok, additionalProperties: false }),
      'properties[f].additionalProperties: Forbidden: additionalProperties cannot be set to false',
    ],
    [withField({ $ref: '#/x', type: 'object' }), 'properties[f].$ref: Forbidden: $ref is not supported'],
    [withField({ type: 'string', const: 'x' }), 'properties[f].const: unknown field, it would be pruned'],
    [withField({ type: 'string', examples: [] }), 'properties[f].examples: unknown field, it would be pruned'],
    [
      withField({ type: 'string', pattern: '(?=a)' }),
      'properties[f].pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn\'t',
    ],
    [
      withField({ type: 'array', uniqueItems: true, items: { type: 'string' } }),
      'properties[f].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
    ],
    [
      withField({ ...ok, oneOf: [{ properties: { a: { type: 'string' } } }] }),
      'properties[f].oneOf[0].properties[a].type: Forbidden: must be empty to be structural',
    ],
    [
      withField({ ...ok, anyOf: [{ description: 'x' }] }),
      'properties[f].anyOf[0].description: Forbidden: must be empty to be structural',
    ],
    [
      withField({ ...ok, not: { default: 1 } }),
      'properties[f].not.default: Forbidden: must be undefined to be structural',
    ],
    [
      withField({ ...ok, allOf: [{ 'x-kubernetes-validations': [] }] }),
      'properties[f].allOf[0].x-kubernetes-validations: Forbidden: must be empty to be structural',
    ],
    [
      withField({ ...ok, oneOf: [{ properties: { b: {} } }] }),
      'properties[f].oneOf[0].properties[b]: Required value: because it is defined in properties[f].oneOf[0]',
    ],
    [
      withField({ 'x-kubernetes-int-or-string': true, 'x-kubernetes-preserve-unknown-fields': true }),
      'properties[f].x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true',
    ],
    [
      withField({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'string' }, { type: 'integer' }] }),
      'properties[f].anyOf[0].type: Forbidden: must be empty to be structural',
    ],
    [
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
      'properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
    ],
    [
      withField({ type: 'array', items: ok, 'x-kubernetes-list-type': 'map' }),
      'properties[f].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
    ],
    [
      withField({ type: 'array', items: ok, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['a'] }),
      'properties[f].items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
    ],
    [
      withField({ type: 'array', items: ok, 'x-kubernetes-list-type': 'set' }),
      'properties[f].items: Forbidden: set can only have scalar items here',
    ],
  ];
  test.each(table)('%j', (schema, problem) => {
    expect(apiServerProblems(schema)).toContain(problem);
  });
});

describe('CEL rules', () => {
  const node = (rule: string): JsonSchema => ({
    type: 'object',
    required: ['a', 'namespace'],
    properties: {
      a: { type: 'string' },
      b: { type: 'string' },
      namespace: { type: 'string' },
      'c-d': { type: 'string' },
    },
    'x-kubernetes-validations': [{ rule, message: 'm' }],
  });
  const table: readonly (readonly [string, string | undefined])[] = [
    ["self.a == 'self.x'", undefined],
    ["self.aa == 'x'", "undefined field 'aa'"],
    ["self.b == 'x'", 'no such key: b is optional, guard it with has(self.b)'],
    ["!has(self.b) || self.b == 'x'", undefined],
    ["self.namespace == 'x'", '"namespace" is a reserved word of CEL; select it as self.__namespace__'],
    ["self.__namespace__ == 'x'", undefined],
    ["!has(self.c__dash__d) || self.c__dash__d == 'x'", undefined],
    ['self.size() > 0', undefined],
  ];
  test.each(table)('%s', (rule, problem) => {
    const expected = problem === undefined ? [] : [`x-kubernetes-validations[0].rule: ${problem}`];
    expect(apiServerProblems(node(rule))).toEqual(expected);
  });

  test('fields of list items, one level down', () => {
    const list = { type: 'array', maxItems: 4, items: without(node('true'), ['x-kubernetes-validations']) };
    const rule = { rule: "self.all(x, x.b == 'y')", message: 'm' };
    expect(apiServerProblems(withField({ ...list, 'x-kubernetes-validations': [rule] }))).toEqual([
      'properties[f].x-kubernetes-validations[0].rule: no such key: b is optional, guard it with has(self.b)',
    ]);
  });
});

describe("CEL's cost budget", () => {
  const text = { type: 'string', maxLength: 256 };
  const matching = {
    ...text,
    'x-kubernetes-validations': [{ rule: "!self.lowerAscii().matches('^(host|te|trailer)$')", message: 'm' }],
  };
  const nested = (maxItems: number): JsonSchema => {
    const list = { type: 'array', maxItems, items: matching };
    return withField({ type: 'array', maxItems: 64, items: { type: 'array', maxItems: 16, items: list } });
  };

  test('a rule costs as often as its value may occur', () => {
    expect(apiServerProblems(nested(1))).toEqual([]);
    expect(apiServerProblems(nested(64))).toEqual([
      expect.stringMatching(
        /items\.items\.items\.x-kubernetes-validations\[0\]\.rule: Forbidden: estimated rule cost exceeds budget by factor of about \d/,
      ),
    ]);
  });

  test('a string without maxLength is as long as a request', () => {
    expect(ruleCost("self.matches('aaaa')", { type: 'string' })).toBeGreaterThan(300_000);
    expect(ruleCost("self.matches('aaaa')", text)).toBeLessThan(200);
  });

  test('a loop multiplies, a loop in a loop twice', () => {
    const list: JsonSchema = { type: 'array', maxItems: 100, items: { type: 'object', properties: { n: text } } };
    const once = ruleCost("self.all(x, x.n.contains('a'))", list);
    const twice = ruleCost("self.all(x, self.all(y, y.n.contains('a')))", list);
    expect(once).toBeGreaterThan(100 * 100);
    expect(twice).toBeGreaterThan(99 * once);
    expect(ruleCost('[has(self.a), has(self.b)].filter(x, x).size() == 1', { type: 'object' })).toBeLessThan(100);
  });
});

describe('our own conventions', () => {
  const good = { type: 'string', maxLength: 3, description: 'A field. Example: "x"' };
  const table: readonly (readonly [JsonSchema, readonly string[]])[] = [
    [good, []],
    [{ type: 'string', maxLength: 3 }, ['f: has no description', 'f: has no example']],
    [{ ...good, description: 'A field.' }, ['f: has no example']],
    [{ ...good, description: 'A field Example: 1' }, ['f: its description does not end with a full stop']],
    [{ type: 'string', description: good.description }, ['f: a string needs maxLength, enum or a format']],
    [{ ...good, format: 'iban' }, ['f: the API server ignores the format "iban"']],
    [{ type: 'array', description: good.description, items: { type: 'integer' } }, ['f: a list needs maxItems']],
    [
      { type: 'array', maxItems: 1, description: good.description, items: { ...good, default: 'x' } },
      ['f[]: has a default inside a list'],
    ],
    [
      {
        type: 'object',
        description: good.description,
        additionalProperties: { type: 'integer' },
        'x-kubernetes-validations': [{ rule: 'true', message: 'm' }],
      },
      ['f: a map under a CEL rule needs maxProperties'],
    ],
  ];
  test.each(table)('%j', (schema, problems) => {
    expect(houseProblems(withField(schema))).toEqual(problems);
  });
});
