import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { linesOf } from './lines.ts';
import { byName } from './paths.ts';

async function read(chunks: readonly Buffer[]): Promise<readonly string[]> {
  const lines: string[] = [];
  async function* arriving() {
    yield* chunks;
  }
  for await (const some of linesOf(arriving())) lines.push(...some);
  return lines;
}

function cut(whole: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...places.map((place) => place % (whole.length + 1)), whole.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
}

test('however the bytes arrive, the lines are the same', async () => {
  const line = fc.string({ unit: 'binary', minLength: 1 }).map((text) => JSON.stringify(text));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, places) => {
      const whole = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      expect(await read(cut(whole, places))).toEqual(lines);
    }),
  );
});

test('a line of a megabyte in small pieces', async () => {
  const line = 'é'.repeat(2 ** 19);
  const whole = Buffer.from(`${line}\n`);
  const pieces = Array.from({ length: Math.ceil(whole.length / 1001) }, (_, at) =>
    whole.subarray(at * 1001, (at + 1) * 1001),
  );
  expect(await read(pieces)).toEqual([line]);
});

test('a line that breaks off is an error', async () => {
  await expect(read([Buffer.from('{}\n{"type"')])).rejects.toThrow('the stream ended within a line');
});

test('a name adds no requirement to the selector', () => {
  expect(byName('a,metadata.namespace!=b\\')).toBe('metadata.name=a\\,metadata.namespace!\\=b\\\\');
});
