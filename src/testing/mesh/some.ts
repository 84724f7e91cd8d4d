/** Shorthand for what is generated. */
import fc, { type Arbitrary } from 'fast-check';

/** `undefined` is left out of what is written. */
export function some<T>(value: Arbitrary<T>, weight = 1): Arbitrary<T | undefined> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight, arbitrary: value });
}

export function few<T>(...values: readonly T[]): Arbitrary<T[]> {
  return fc.subarray([...values], { minLength: 1, maxLength: Math.min(2, values.length) });
}

export function present<T extends object>(value: T): object {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));
}
