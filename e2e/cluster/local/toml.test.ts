import { expect, test } from '@jest/globals';
import { toml } from './toml.ts';

test('values come before tables, and tables have their whole names', () => {
  const table = { version: 2, inner: { 'a.b/c': { list: ['x', 'y'], on: true }, name: 'a "quoted" one' } };
  expect(toml(table)).toBe(
    'version = 2\n[inner]\nname = "a \\"quoted\\" one"\n[inner."a.b/c"]\nlist = ["x","y"]\non = true\n',
  );
});
