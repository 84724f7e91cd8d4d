import { expect, test } from '@jest/globals';
import { parsePage } from './page.ts';

const page = parsePage(
  'docs/x.md',
  [
    '# A `b` [c](d.md#e), f_g',
    'See `evengate_x` and [there](#a).',
    '',
    '## A',
    '- item',
    '  ```sh',
    '  ls',
    '  ```',
    '## A',
    '    indented',
  ].join('\n'),
);

test('blocks, with what they are and where they are', () => {
  expect(page.blocks).toEqual([
    { language: 'sh', text: 'ls', line: 6 },
    { language: '', text: 'indented', line: 10 },
  ]);
});

test('anchors as GitHub makes them', () => {
  expect([...page.anchors]).toEqual(['a-b-c-f_g', 'a', 'a-1']);
});

test('links of this repository, and words in backticks, with their lines', () => {
  expect(page.links).toEqual([
    { text: 'd.md#e', line: 1 },
    { text: '#a', line: 2 },
  ]);
  expect(page.spans).toEqual([
    { text: 'b', line: 1 },
    { text: 'evengate_x', line: 2 },
  ]);
});
