/** What a command reads and writes, so that tests hand it streams of their own. Data goes to stdout, the rest to stderr. */
import { styleText } from 'node:util';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Style = Parameters<typeof styleText>[0];

export interface Output {
  /** What was written after the reader went away is dropped in silence. */
  write(text: string): void;
  readonly isTTY: boolean;
  /** The text in this style, or as it is where colours are unwanted. */
  style(style: Style, text: string): string;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly env: Environment;
}

/** The part of a Writable that an Output needs. */
export interface OutputStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
  on(event: 'error', listener: (error: Error & { readonly code?: string }) => void): unknown;
}

export interface Streams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly env: Environment;
}

export function ioOf(streams: Streams): Io {
  const { stdout, stderr, env } = streams;
  return {
    stdout: outputOf(stdout, env),
    stderr: outputOf(stderr, env),
    // Looked at by those who read it only: Node opens it then.
    get stdin() {
      return streams.stdin;
    },
    env,
  };
}

function outputOf(stream: OutputStream, env: Environment): Output {
  const isTTY = stream.isTTY === true;
  const coloured = wantsColour(env, isTTY);
  let open = true;
  stream.on('error', (error) => {
    // `evengate lint | head` closes the pipe early, which is no failure of ours.
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
    open = false;
  });
  return {
    write: (text) => {
      if (open) stream.write(text);
    },
    isTTY,
    style: (style, text) => (coloured ? styleText(style, text, { validateStream: false }) : text),
  };
}

/** https://no-color.org and https://force-color.org; FORCE_COLOR wins, as it does in Node. */
export function wantsColour(env: Environment, isTTY: boolean): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if ((env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return false;
  return isTTY;
}
