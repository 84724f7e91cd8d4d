/** An Io whose output tests can read. */
import type { Environment, Io, Output } from '../cli/io.ts';

export interface FakeIo extends Io {
  /** What was written so far. */
  readonly written: { stdout: string; stderr: string };
}

export interface FakeIoOptions {
  readonly stdin?: string;
  readonly env?: Environment;
}

/** Neither a terminal nor coloured. */
export function fakeIo({ stdin = '', env = {} }: FakeIoOptions = {}): FakeIo {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr'): Output => ({
    write: (text) => {
      written[name] += text;
    },
    isTTY: false,
    style: (_, text) => text,
  });
  return {
    stdout: output('stdout'),
    stderr: output('stderr'),
    stdin: (async function* () {
      yield stdin;
    })(),
    env,
    written,
  };
}
