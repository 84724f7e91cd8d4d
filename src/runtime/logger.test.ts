import { expect, test } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.ts';
import { createLog, type LogOptions } from './logger.ts';

function newLog(options: Partial<LogOptions> = {}) {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text) };
  const clock = new FakeClock({ epoch: Date.UTC(2026, 10, 21, 10, 15) });
  return { log: createLog({ output, clock, ...options }), written };
}

test('a JSON object a line, in one order', () => {
  const { log, written } = newLog();
  const route = log.child({ logger: 'controller' }).child({ logger: 'route', key: 'shop/orders' });
  route.warn('line one\nline two', { attempt: 2, gone: undefined });
  expect(written).toEqual([
    '{"ts":"2026-11-21T10:15:00.000Z","level":"warn","msg":"line one\\nline two",' +
      '"logger":"controller.route","key":"shop/orders","attempt":2}\n',
  ]);
});

test('words for people', () => {
  const { log, written } = newLog({ format: 'text', level: 'debug' });
  log.info('ready');
  log.child({ logger: 'route' }).warn('slow', { key: 'shop/orders', why: 'no answer', ms: 12, list: ['a'] });
  const error = new Error('no luck');
  error.stack = 'Error: no luck\n    at here';
  log.error('failed', { error });
  expect(written).toEqual([
    '10:15:00.000 info  ready\n',
    '10:15:00.000 warn  route: slow key=shop/orders why="no answer" ms=12 list=["a"]\n',
    '10:15:00.000 error failed error="no luck"\nError: no luck\n    at here\n',
  ]);
});

test('levels, and stacks at debug only', () => {
  const { log, written } = newLog();
  log.debug('not seen');
  log.error('failed', { error: new Error('no luck') });
  log.error('failed', { error: 'thrown text' });
  expect([log.enabled('debug'), log.enabled('info')]).toEqual([false, true]);
  expect(written.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ error: 'no luck' }),
    expect.objectContaining({ error: 'thrown text' }),
  ]);
  expect(written.join('')).not.toContain('stack');
  const debug = newLog({ level: 'debug' });
  debug.log.debug('failed', { error: new Error('no luck') });
  expect(JSON.parse(debug.written[0] ?? '')).toMatchObject({ stack: expect.stringContaining('logger.test') });
});

test('a field does not take the place of one that every line has', () => {
  const { log, written } = newLog();
  log.info('ready', { msg: 'x', ts: 1, level: 'y' });
  expect(JSON.parse(written[0] ?? '')).toEqual({
    ts: '2026-11-21T10:15:00.000Z',
    level: 'info',
    msg: 'ready',
    msg_: 'x',
    ts_: 1,
    level_: 'y',
  });
});
