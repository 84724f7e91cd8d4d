import { expect, test } from '@jest/globals';
import { isAsShown } from './output.ts';
import { parsePage } from './page.ts';
import { runsOf, scriptOf } from './script.ts';
import { stepsOf } from './steps.ts';

const fence = (language: string, ...lines: readonly string[]) => [`\`\`\`${language}`, ...lines, '```', ''].join('\n');
const stepsIn = (...blocks: readonly string[]) => stepsOf(parsePage('x.md', blocks.join('\n')));

test.each([
  ['a manifest', fence('yaml', 'kind: Route'), 'manifests'],
  ['values', fence('yaml', '# values.yaml', 'a: 1'), 'values'],
  ['what is not applied', fence('yaml', '# not applied: needs Flux', 'a: 1'), 'shown'],
  ['commands', fence('sh', 'ls'), 'commands'],
  ['what is not run', fence('sh', '# not run: needs docker', 'docker ps'), 'shown'],
  ['a picture', fence('text', 'a -> b'), 'shown'],
])('%s', (_, text, kind) => {
  expect(stepsIn(text).map((step) => step.kind)).toEqual([kind]);
});

test('text after commands is what they print; after what is not run, it is for people', () => {
  expect(stepsIn(fence('sh', 'ls'), fence('text', 'a'), fence('text', 'b'))).toMatchObject([
    { kind: 'commands', output: { text: 'a' } },
    { kind: 'shown' },
  ]);
  expect(stepsIn(fence('sh', '# not run: x', 'ls'), fence('text', 'a')).map(({ kind }) => kind)).toEqual([
    'shown',
    'shown',
  ]);
});

test.each([['    indented'], [fence('bash', 'ls')], [fence('', 'ls')]])('%j has no place', (text) => {
  expect(() => stepsIn(text)).toThrow(/x\.md:1: a block of ".*"; write ```yaml, sh, text, json or markdown/);
});

test('manifests are applied in order and waited for, but for those that are not to become ready', () => {
  const route = ['apiVersion: evengate.dev/v1alpha1', 'kind: Route', 'metadata: {name: a, namespace: b}'];
  const script = scriptOf(
    runsOf(stepsIn(fence('yaml', ...route), fence('sh', 'ls'), fence('yaml', '# not ready: so', ...route))),
  );
  expect(script.match(/^kubectl (?:apply|wait).*$|^ls$/gm)).toEqual([
    "kubectl apply -f - <<'END-OF-MANIFESTS'",
    'kubectl wait --for=condition=Ready --timeout=60s -n b route/a',
    'ls',
    "kubectl apply -f - <<'END-OF-MANIFESTS'",
  ]);
});

test.each([
  ['a 1 b\n', 'a … b', true],
  ['a\nb\n', 'a … b', false],
  ['x\ny\na\n', '…\na', true],
  ['a\n', '…\na', true],
  ['a\nx\n', 'a\n…', true],
  ['a (b)\n', 'a (b)', true],
  ['a \n\n', 'a', true],
  ['a   b  c\n', 'a  b    c', true],
  ['a b\n', 'a  b', false],
  ['a\nb\n', 'a', false],
])('printed %j, shown %j: %s', (printed, shown, same) => {
  expect(isAsShown(printed, shown)).toBe(same);
});
