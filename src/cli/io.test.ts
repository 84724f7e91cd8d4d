import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { type Environment, ioOf, type OutputStream, wantsColour } from './io.ts';

class FakeStream extends EventEmitter implements OutputStream {
  readonly isTTY: boolean;
  text = '';
  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
  write(text: string): void {
    this.text += text;
  }
}

function make(env: Environment, isTTY: boolean) {
  const stdout = new FakeStream(isTTY);
  const stderr = new FakeStream(isTTY);
  async function* stdin(): AsyncGenerator<string> {
    yield '';
  }
  return { stdout, io: ioOf({ stdout, stderr, stdin: stdin(), env }) };
}

describe('colour', () => {
  test.each<[Environment, boolean, boolean]>([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ TERM: 'dumb' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: 'false' }, true, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  ])('%j on a terminal: %s gives %s', (env, isTTY, expected) => {
    expect(wantsColour(env, isTTY)).toBe(expected);
    expect(make(env, isTTY).io.stdout.style('red', 'x')).toBe(expected ? '\u001b[31mx\u001b[39m' : 'x');
  });
});

describe('a reader that went away', () => {
  test('gets nothing more, and nobody minds', () => {
    const { io, stdout } = make({}, false);
    io.stdout.write('a');
    stdout.emit('error', Object.assign(new Error('broken pipe'), { code: 'EPIPE' }));
    io.stdout.write('b');
    expect(stdout.text).toBe('a');
  });

  test('a full disk is another matter', () => {
    const { stdout } = make({}, false);
    expect(() => stdout.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' }))).toThrow('full');
  });
});
