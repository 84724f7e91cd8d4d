import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { fuzz } from '../../testing/fuzz.ts';
import { readDocument, readWithPackage } from './document.ts';
import { declined, readSubset } from './subset.ts';

/** The fast reader may decline, but never disagree. */
function expectAgreement(text: string): void {
  const fast = readSubset(text);
  if (fast !== declined)
    expect({ text, read: { ok: true, value: fast } }).toEqual({ text, read: readWithPackage(text) });
}

describe('the fast reader takes what manifests are written in', () => {
  test.each<[string, unknown]>([
    ['', null],
    ['# only a comment\n', null],
    ['--- # a comment\na: 1\n', { a: 1 }],
    ['a:\n  b:\n  - c: x\n    d: [1, two, "three"]\n  - e\n', { a: { b: [{ c: 'x', d: [1, 'two', 'three'] }, 'e'] } }],
    ['a:\n- b\n- c\nd: {e: f, "g": {}}\n', { a: ['b', 'c'], d: { e: 'f', g: {} } }],
    ['a: |\n  one\n\n   two\n\nb: |-\n  x\nc: |+\n  y\n\n', { a: 'one\n\n two\n', b: 'x', c: 'y\n\n' }],
    ['a: \'it\'\'s\'\nb: "say \\"hi\\"\\n" # c\n', { a: "it's", b: 'say "hi"\n' }],
    [
      'a: http://x/y#z # c\nb: 10.0.0.0/8\nc: 5s\nd: true\ne: ~\nf:\n',
      { a: 'http://x/y#z', b: '10.0.0.0/8', c: '5s', d: true, e: null, f: null },
    ],
    ['{"a": [1, {"b": null}],\n"c": "\\u00e9"}\n', { a: [1, { b: null }], c: 'é' }],
    ['-   a: 1\n    b: 2\n- - nested\n', declined],
  ])('%j', (text, value) => {
    expect(readSubset(text)).toEqual(value);
    expectAgreement(text);
  });
});

describe('what has rules of its own is left to the package', () => {
  test.each([
    'a: &x 1\nb: *x\n',
    'a: 1\na: 2\n',
    'a: 0x10\n',
    'a: -1\n',
    'a: 1.5\n',
    'a: >\n  folded\n',
    'a: one\n  two\n',
    'a: "one\n  two"\n',
    'a: b: c\n',
    'a: [b: c]\n',
    'a: [b, ]\n',
    'a:\n    b: 1\n  c: 2\n',
    'a: {b: 1,\nc: 2}\n',
    'a: !!str 1\n',
    '? a\n: b\n',
    '__proto__: 1\n',
    'true: 1\n',
    'a:\t1\n',
    'a: "\\x41"\n',
    '- a\nb: 1\n',
    'a: [1] b\n',
    'a: | # c\n  b\n',
    'a: |2\n    b\n',
    'a: @b\n',
    'just text\n',
  ])('%j', (text) => {
    expect(readSubset(text)).toBe(declined);
  });
});

describe('both readers agree', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'a',
      'b-c',
      'true',
      'null',
      '~',
      '1',
      '007',
      '1.5',
      '-',
      '- x',
      'x: y',
      'x:',
      '#',
      ' #',
      'a #b',
      '<<',
      '.inf',
      '0o7',
      '1_0',
      '=',
    ),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.string({
      unit: fc.constantFrom('a', ' ', '\n', ':', '#', '-', '"', "'", '{', ']', ',', '|', '\\', '\u2028', '\u00a0'),
      maxLength: 12,
    }),
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, word, fc.integer(), fc.boolean(), fc.constant(null), tie('list'), tie('map')),
    list: fc.array(tie('any'), { maxLength: 4 }),
    map: fc.dictionary(word, tie('any'), { maxKeys: 4 }),
  })).any;

  test('on everything that the package or JSON writes', () => {
    const style = fc.record({
      indentSeq: fc.boolean(),
      collectionStyle: fc.constantFrom('any' as const, 'block' as const, 'flow' as const),
      defaultStringType: fc.constantFrom(
        'PLAIN' as const,
        'QUOTE_DOUBLE' as const,
        'QUOTE_SINGLE' as const,
        'BLOCK_LITERAL' as const,
      ),
    });
    fc.assert(
      fc.property(value, style, (written, options) => {
        expectAgreement(stringify(written, options));
        expectAgreement(JSON.stringify(written));
        expectAgreement(JSON.stringify(written, null, 2));
      }),
      fuzz(300),
    );
  });

  test('on text that is nearly YAML', () => {
    const piece = fc.constantFrom(
      'a',
      'b: ',
      'c:',
      '- ',
      '-',
      ' ',
      '  ',
      '\n',
      '\n  ',
      '\n- ',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      ', ',
      ',',
      '|',
      '|-',
      '|+',
      ' #',
      '#',
      '1',
      '~',
      'true',
      ':',
      '\\n',
      '--- ',
      '?',
      'é',
      '\n\n',
      'x: |\n',
      '    t\n',
    );
    const soup = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(soup, (text) => expectAgreement(text)),
      fuzz(5000),
    );
  });
});

describe('what cannot be read names its place', () => {
  const deep = `a: ${'['.repeat(3000)}${']'.repeat(3000)}`;
  const bomb = [
    'a: &a [x, x]',
    ...'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`).join(', ')}]`),
  ];
  test.each([
    ['a: 1\nb: 2\na: 3\n', 'A map has the same key twice', 10],
    ['a: "x\n', 'A quote, bracket, comma or colon is missing', 6],
    ['a: &a\n  b: *a\n', 'The anchor contains itself', 11],
    ['a: *b\n', 'The alias names an anchor that does not precede it', 3],
    [bomb.join('\n'), 'The anchors unfold to too many values', bomb[0] === undefined ? 0 : bomb[0].length + 8],
    [deep, 'The values are nested too deeply', undefined],
    ['<<: 1\n', 'A merge key `<<` does not name a map', 0],
    ['a: [1\n', 'The indentation is not valid YAML, or a bracket is not closed', 6],
  ])('%j', (text, message, offset) => {
    const read = readDocument(text);
    expect(read).toMatchObject({ ok: false, fault: offset === undefined ? { message } : { message, offset } });
  });

  test('merge keys and anchors mean what kubectl makes of them', () => {
    expect(readDocument('a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n')).toEqual({
      ok: true,
      value: { a: { x: 1, y: 2 }, b: { x: 1, y: 3 }, c: { x: 1, y: 2 } },
    });
  });
});
