/** Questions that a plane asks of one attribute, and one value for each way to answer all of them. */

import { cidrOfBits, containsAddress, parseCidr } from '../../policy/cidr.ts';

/** `path`, `method`, `host`, `principal`, `direct`, `remote`, `certificate`, `header:x-a`, `query:v`, `claim:["a","b"]`. */
export type AttributeName = string;

export interface Atom {
  readonly attribute: AttributeName;
  /** Equal for equal questions. */
  readonly id: string;
  readonly holds: (value: string) => boolean;
  /** Values near its border, on both sides. */
  readonly samples: readonly string[];
}

export type Shape =
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'template'; readonly text: string }
  /** `matching` were made from it. */
  | { readonly kind: 'expression'; readonly text: string; readonly matching: readonly string[] }
  | { readonly kind: 'present' };

export function atom(attribute: AttributeName, shape: Shape, holds: (value: string) => boolean): Atom {
  const text = 'text' in shape ? shape.text : '';
  return { attribute, id: `${attribute} ${shape.kind} ${text}`, holds, samples: samplesOf(shape) };
}

export function addressAtom(attribute: 'direct' | 'remote', range: string): Atom {
  const cidr = parseCidr(range);
  const samples = cidr === undefined ? [] : addressesOf(cidr.bits);
  return {
    attribute,
    id: `${attribute} ${range}`,
    holds: (value) => cidr !== undefined && containsAddress(cidr, value),
    samples,
  };
}

/** The first and the last of it. */
function addressesOf(bits: string): readonly string[] {
  const size = bits.startsWith('4') ? 33 : 129;
  return ['0', '1'].map((bit) => cidrOfBits(bits.padEnd(size, bit)).text.replace(/\/\d+$/, ''));
}

function samplesOf(shape: Shape): readonly string[] {
  switch (shape.kind) {
    case 'exact':
      return [shape.text, `${shape.text}x`, `x${shape.text}`, otherCase(shape.text)];
    case 'prefix':
      return [`${shape.text}x`, shape.text, shape.text.slice(0, -1), otherCase(`${shape.text}x`)];
    case 'suffix':
      return [`x${shape.text}`, shape.text, shape.text.slice(1), otherCase(`x${shape.text}`)];
    case 'template':
      return ['x', 'x/y', ''].map((fill) => shape.text.replaceAll('{**}', fill).replaceAll('{*}', 'x'));
    case 'expression':
      return shape.matching;
    case 'present':
      return ['x', ''];
  }
}

function otherCase(text: string): string {
  const upper = text.toUpperCase();
  return upper === text ? text.toLowerCase() : upper;
}

/** Of an attribute: the atoms that are about it, each once. */
export function about(attribute: AttributeName, atoms: readonly Atom[]): readonly Atom[] {
  const found = new Map(atoms.filter((one) => one.attribute === attribute).map((one) => [one.id, one]));
  return [...found.values()];
}

export interface ClassOptions {
  /** Of the attribute whatever is asked of it; the first is the usual one. */
  readonly usual: readonly string[];
  readonly isPossible?: (value: string) => boolean;
}

/** One value for each set of answers that a value was found for; of several the first. */
export function classesOf(
  atoms: readonly Pick<Atom, 'holds' | 'samples'>[],
  { usual, isPossible = () => true }: ClassOptions,
): readonly string[] {
  const found = new Map<string, string>();
  for (const value of candidates(atoms, usual)) {
    if (!isPossible(value)) continue;
    const answers = atoms.map(({ holds }) => (holds(value) ? '1' : '0')).join('');
    if (!found.has(answers)) found.set(answers, value);
  }
  return [...found.values()];
}

const mostPairs = 12;

/** Where two borders meet: a prefix of one before an ending of another. */
function candidates(atoms: readonly Pick<Atom, 'samples'>[], usual: readonly string[]): ReadonlySet<string> {
  const single = atoms.flatMap(({ samples }) => samples);
  const some = [...new Set(single)].slice(0, mostPairs);
  const pairs = some.flatMap((start) => some.map((end) => `${start}${end}`));
  return new Set([...usual, ...single, ...pairs]);
}
