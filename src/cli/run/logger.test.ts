import { expect, test } from '@jest/globals';
import { fakeIo } from '../../testing/fake-io.ts';
import type { Output } from '../io.ts';
import { createLog } from './logger.ts';

test('JSON where nobody looks: one object a line', () => {
  const { stderr, written } = fakeIo();
  const log = createLog(stderr);
  log.warn('line one\nline two', { gateway: 'shop/edge' });
  log.info('done');
  const lines = written.stderr.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      level: 'warn',
      msg: 'line one\nline two',
      gateway: 'shop/edge',
      ts: expect.stringMatching(/^\d{4}-.*Z$/),
    },
    { level: 'info', msg: 'done', ts: expect.any(String) },
  ]);
});

test('pretty on a terminal, or where it is asked for', () => {
  const { stderr, written } = fakeIo();
  const terminal: Output = { ...stderr, isTTY: true, style: (style, text) => `<${String(style)}>${text}</>` };
  createLog(terminal).error('it broke', { gateway: 'shop/edge' });
  createLog(stderr, 'pretty').info('done');
  expect(written.stderr.split('\n')).toEqual([
    expect.stringMatching(/^<dim>\d\d:\d\d:\d\d<\/> <red>error<\/> <dim>shop\/edge<\/> it broke$/),
    expect.stringMatching(/^\d\d:\d\d:\d\d done$/),
    '',
  ]);
});
