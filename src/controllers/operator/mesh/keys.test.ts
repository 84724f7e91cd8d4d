import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLog } from '../../../runtime/logger.ts';
import { corpJwks } from '../../../testing/build.ts';
import { FakeClock } from '../../../testing/fake-clock.ts';
import { Keys, type KeysOptions } from './keys.ts';

let server: Server;
let uri: string;
let answer: { status: number; text: string };
let asked: number;
const rotated = corpJwks.replace(/"kid": ?"[^"]*"/, '"kid":"next"');

beforeEach(async () => {
  answer = { status: 200, text: corpJwks };
  asked = 0;
  server = createServer((_, response) => {
    asked += 1;
    response.writeHead(answer.status).end(answer.text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  uri = `http://login.example.com:${(server.address() as AddressInfo).port}/jwks`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Runs while the work does; `next` waits for the next change, `passed` lets time pass until the next request is answered. */
async function following(
  work: (the: { keys: Keys; clock: FakeClock; next: () => Promise<void> }) => Promise<void>,
  more: Partial<KeysOptions> = {},
): Promise<void> {
  const clock = new FakeClock();
  const log = createLog({ output: { write: () => undefined }, clock, level: 'error' });
  const keys = new Keys({
    clock,
    log,
    version: '0',
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    refuse: () => undefined,
    ...more,
  });
  const stop = new AbortController();
  const ended = keys.run(stop.signal);
  const next = () =>
    new Promise<void>((resolve) => {
      const end = keys.onChange(() => {
        end();
        resolve();
      });
    });
  try {
    await work({ keys, clock, next });
  } finally {
    stop.abort();
    await ended;
  }
}

const known = (keys: Keys) => [keys.all.get(uri)?.jwks, keys.all.get(uri)?.problem];

/** Until the loop sleeps between two fetches: a fetch sleeps, too, for its deadline. */
async function pausing(clock: FakeClock, times: number): Promise<void> {
  while (asked < times || clock.sleepers !== 1) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

test('are fetched once they are wanted, and again every five minutes', async () => {
  await following(async ({ keys, clock, next }) => {
    expect([keys.answered, keys.all.size]).toEqual([true, 0]);
    const first = next();
    keys.want(new Set([uri]));
    expect(keys.answered).toBe(false);
    await first;
    expect([keys.answered, ...known(keys)]).toEqual([true, corpJwks, undefined]);
    const same = keys.all;
    await pausing(clock, 1);
    await clock.advance(300_000);
    await pausing(clock, 2);
    expect(keys.all).toBe(same);
    answer.text = rotated;
    const changed = next();
    await clock.advance(300_000);
    await changed;
    expect(known(keys)).toEqual([rotated, undefined]);
  });
});

test.each<readonly [string, () => void, string]>([
  ['a server that fails', () => Object.assign(answer, { status: 500 }), 'it answers 500'],
  ['a page instead of keys', () => Object.assign(answer, { text: '<html>' }), 'it is not JSON of the form'],
  [
    'a symmetric key',
    () => Object.assign(answer, { text: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' }),
    'keys[0] is symmetric',
  ],
])('%s: what was had last stays, and it is tried again soon', async (_, break_, problem) => {
  await following(async ({ keys, clock, next }) => {
    const first = next();
    keys.want(new Set([uri]));
    await first;
    await pausing(clock, 1);
    break_();
    const worse = next();
    await clock.advance(300_000);
    await worse;
    expect(known(keys)).toEqual([corpJwks, expect.stringContaining(problem)]);
    answer = { status: 200, text: rotated };
    const better = next();
    await pausing(clock, 2);
    await clock.advance(1000);
    await better;
    expect(known(keys)).toEqual([rotated, undefined]);
  });
});

test('that cannot be fetched are none, and the address that nobody may reach is never asked', async () => {
  await following(
    async ({ keys, next }) => {
      const first = next();
      keys.want(new Set([uri]));
      await first;
      expect([keys.answered, ...known(keys)]).toEqual([
        true,
        undefined,
        'login.example.com: 127.0.0.1 is a loopback address',
      ]);
      expect(asked).toBe(0);
    },
    { refuse: undefined },
  );
});

/** Keys of before a restart, which are known once they are told. */
function keptKeys() {
  const sets = new Map<string, string>();
  const listeners: (() => void)[] = [];
  const kept = {
    want: () => undefined,
    get: (of: string) => sets.get(of),
    keep: (of: string, jwks: string) => void sets.set(of, jwks),
    isAnswered: false,
    onAnswer: (listener: () => void) => void listeners.push(listener),
  };
  const tell = (jwks?: string) => {
    if (jwks !== undefined) sets.set(uri, jwks);
    kept.isAnswered = true;
    for (const listener of listeners) listener();
  };
  return { kept, sets, tell };
}

describe('of before a restart', () => {
  test('are had at once, and nobody waits for newer ones longer than it takes to fail', async () => {
    const { kept, tell } = keptKeys();
    tell(rotated);
    answer.status = 500;
    await following(
      async ({ keys, clock, next }) => {
        const first = next();
        keys.want(new Set([uri]));
        expect([keys.answered, ...known(keys)]).toEqual([false, rotated, undefined]);
        await first;
        expect([keys.answered, ...known(keys)]).toEqual([true, rotated, 'it answers 500']);
        answer.status = 200;
        const better = next();
        await pausing(clock, 1);
        await clock.advance(1000);
        await better;
        expect(known(keys)).toEqual([corpJwks, undefined]);
        expect(kept.get(uri)).toBe(corpJwks);
      },
      { kept },
    );
  });

  test('give way to newer ones, and newer ones to none', async () => {
    const { kept, sets, tell } = keptKeys();
    await following(
      async ({ keys, next }) => {
        const first = next();
        keys.want(new Set([uri]));
        await first;
        expect([keys.answered, ...known(keys)]).toEqual([true, corpJwks, undefined]);
        expect([...sets]).toEqual([[uri, corpJwks]]);
        tell(rotated);
        expect(known(keys)).toEqual([corpJwks, undefined]);
      },
      { kept },
    );
  });

  test.each([
    ['there are some', rotated],
    ['there are none', undefined],
  ])('are waited for where there are no others: %s', async (_, jwks) => {
    const { kept, tell } = keptKeys();
    answer.status = 500;
    await following(
      async ({ keys, next }) => {
        const first = next();
        keys.want(new Set([uri]));
        await first;
        expect([keys.answered, ...known(keys)]).toEqual([false, undefined, 'it answers 500']);
        const told = next();
        tell(jwks);
        await told;
        expect([keys.answered, ...known(keys)]).toEqual([true, jwks, 'it answers 500']);
      },
      { kept },
    );
  });
});

test('that nobody wants any more are forgotten', async () => {
  await following(async ({ keys, clock, next }) => {
    const first = next();
    keys.want(new Set([uri]));
    await first;
    await pausing(clock, 1);
    keys.want(new Set());
    expect(keys.all.size).toBe(0);
    await clock.advance(1_000_000);
    expect(asked).toBe(1);
  });
});
