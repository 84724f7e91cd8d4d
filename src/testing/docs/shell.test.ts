import { expect, test } from '@jest/globals';
import { commandsIn } from './shell.ts';

test.each([
  ["evengate explain -f . 'GET https://a/b' # why", [['evengate', 'explain', '-f', '.', 'GET https://a/b']]],
  ['a | b && c; d || e & f', [['a'], ['b'], ['c'], ['d'], ['e'], ['f']]],
  ['a >x 2>/dev/null <y b', [['a', 'b']]],
  ['# no\na \\\n  b', [['a', 'b']]],
  ["a <<'EOF'\nb\nEOF\nc", [['a'], ['c']]],
  ['a "$(b c)" d', [['a', '$(b c)', 'd']]],
  ['a $(b c) d', [['a'], ['b', 'c'], ['d']]],
  ['a --x=\'b c\' "d \\" e"', [['a', '--x=b c', 'd " e']]],
  ['(a || b) | c', [['a'], ['b'], ['c']]],
])('%j', (script, commands) => {
  expect(commandsIn(script)).toEqual(commands);
});
