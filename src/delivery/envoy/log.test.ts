import { expect, test } from '@jest/globals';
import { EnvoyLog, readableLine } from './log.ts';

test.each([
  [
    'a quoted file is left out, whatever it holds',
    String.raw`[warning][config] Filesystem config update failure: in /x/lds.json, Unable to parse JSON as proto (INVALID_ARGUMENT: near 1:35 (offset 34): in legacy mode): {\"version_info\":\"v1\",\"key\":\"s3cret (x): {}`,
    '[warning][config] Filesystem config update failure: in /x/lds.json, Unable to parse JSON as proto (INVALID_ARGUMENT: near 1:35 (offset 34): in legacy mode)',
  ],
  [
    'of a quoted resource only the reason stays',
    String.raw`[warning][config] Filesystem config update rejected: goo.gle/debugstr    \nproviders {\n  key: \"s3cret\"\n}\n: Proto constraint validation failed (Jwt.Providers[a]: is required)`,
    '[warning][config] Filesystem config update rejected: Proto constraint validation failed (Jwt.Providers[a]: is required)',
  ],
  [
    'a quoted resource without a reason is left out too',
    String.raw`[critical][main] error goo.gle/debugproto \n s3cret`,
    '[critical][main] error (resource not shown)',
  ],
  ['escapes and uneven blanks are undone', String.raw`no such   field: \'nope\'\n`, "no such field: 'nope'"],
])('%s', (_, line, expected) => {
  expect(readableLine(line)).toBe(expected);
});

test('a very long line is cut', () => {
  expect(readableLine('x'.repeat(100_000))).toHaveLength(1000);
});

test('since gives the lines after the mark, of those that are kept', () => {
  const log = new EnvoyLog();
  log.add('a');
  const mark = log.mark();
  expect(log.since(mark)).toEqual([]);
  log.add('b');
  log.add('c');
  expect(log.since(mark)).toEqual(['b', 'c']);
  for (let index = 0; index < 300; index += 1) log.add(String(index));
  expect(log.since(mark)).toHaveLength(200);
  expect(log.last(2)).toEqual(['298', '299']);
});
