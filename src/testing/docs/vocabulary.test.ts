import { expect, test } from '@jest/globals';
import { Command } from 'commander';
import { evengateCall, mistakesIn } from './commands.ts';
import { unknownIn } from './vocabulary.ts';

test.each([
  ['evengate_objects', []],
  ['evengate_object', ['evengate_object']],
  ['Programmed=False/ConfigTooLarge', []],
  ['Programmed=False/ConfigTooBig', ['ConfigTooBig']],
  ['spec.telemetry.accessLog', []],
  ['spec.telemetry.accesLog', ['accesLog']],
  ['secrets.access', []],
  ['metrics.serviceMonitors.enabled', ['serviceMonitors']],
  ['charts/none', ['charts/none']],
  ['kubectl get pods', []],
])('`%s`', (text, unknown) => {
  expect(unknownIn(text, () => false)).toEqual(unknown);
});

const program = new Command();
program.command('lint').option('-f, --file <path...>');

test.each([
  [['evengate', 'lint', '-f', 'x', '--file=y', '--help'], []],
  [['kubectl', 'evengate', 'lint', '--strict'], ['evengate lint has no --strict']],
  [['bin/evengate', 'lnt'], ['there is no evengate lnt']],
])('%j', (words, mistakes) => {
  expect(mistakesIn(program, evengateCall(words) ?? ['?'])).toEqual(mistakes);
});

test('other programs are not ours', () => {
  expect(evengateCall(['kubectl', 'get', 'evengate'])).toBeUndefined();
});
