/** Products of choices, by index: a region is one of each. */

/** One thing that a request may have, or not. */
export type Choice = (draft: Draft) => void;

/** A request in the making. */
export interface Draft {
  readonly headers: Map<string, readonly string[]>;
  readonly query: string[];
  direct: string;
  remote: string;
  principal: string | undefined;
  certificate: readonly string[] | undefined;
  token: DraftToken | undefined;
}

export interface DraftToken {
  readonly issuer: string;
  readonly jwks: readonly string[] | undefined;
  readonly bad: boolean;
  readonly claims: Record<string, unknown>;
}

/** Each dimension has at least one choice. */
export type Space = readonly (readonly Choice[])[];

export function sizeOf(space: Space): number {
  return space.reduce((product, { length }) => product * length, 1);
}

/** `index` below sizeOf(space). */
export function draftAt(space: Space, index: number): Draft {
  const draft: Draft = {
    headers: new Map(),
    query: [],
    direct: somewhere,
    remote: somewhere,
    principal: undefined,
    certificate: undefined,
    token: undefined,
  };
  let rest = index;
  for (const dimension of space) {
    dimension[rest % dimension.length]?.(draft);
    rest = Math.floor(rest / dimension.length);
  }
  return draft;
}

export const somewhere = '198.51.100.7';

/** At most `most` of `size` indices, spread evenly and so that every dimension moves; all of them where they are few. */
export function* indices(size: number, most: number): Iterable<number> {
  const count = Math.min(size, most);
  const step = count === size ? 1 : coprimeNear(Math.floor(size * 0.618), size);
  for (let taken = 0, index = 0; taken < count; taken += 1) {
    yield index;
    index = (index + step) % size;
  }
}

function coprimeNear(start: number, size: number): number {
  let step = Math.max(1, start);
  while (greatestDivisor(step, size) !== 1) step += 1;
  return step;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
