import { expect, test } from '@jest/globals';
import { readableLines } from './pod-log.ts';

const entry = (message: string) =>
  JSON.stringify({ time: '2026-01-01T00:00:00.000Z', level: 'warning', logger: 'config', message });

test('the lines of a container read as those of a process here', () => {
  expect(readableLines([entry('Filesystem config update rejected: a\nb'), '', 'plain text'])).toEqual([
    '[warning][config] Filesystem config update rejected: a b',
    'plain text',
  ]);
});

test('quoted configuration is left out, also of a line that was cut', () => {
  const line = entry('Filesystem config update failure: in x, Unable to parse JSON as proto (no): {"key": "secret"}');
  const readable = '[warning][config] Filesystem config update failure: in x, Unable to parse JSON as proto (no)';
  expect(readableLines([line, line.slice(0, -4)])).toEqual([readable, readable]);
});
