/** Values that a conjunction admits, attribute by attribute: what a request that proves something is made of. */
import { type Attribute, attributeKey, isAddress } from '../../policy/attribute.ts';
import { cidrOfBits, containsAddress, parseCidr } from '../../policy/cidr.ts';
import type { Conjunction, Constraint } from '../../policy/decision.ts';
import { matchesPattern, type Pattern } from '../../policy/pattern.ts';

/** By attribute key: values, the first ones first; [] where none was found. */
export type Samples = (attribute: Attribute, usual: readonly string[]) => readonly string[];

/** Values of one-valued attributes that meet all constraints: of `usual`, then made from the patterns. */
export function samplesOf({ constraints }: Conjunction): Samples {
  const groups = Map.groupBy(constraints, ({ attribute }) => attributeKey(attribute));
  return (attribute, usual) => {
    const own = groups.get(attributeKey(attribute)) ?? [];
    const candidates = [...usual, ...valuesOf(own)];
    return [...new Set(candidates)].filter((value) => own.every((constraint) => meets(constraint, value)));
  };
}

/** One value for each set that is wanted, none of which is unwanted; undefined where none was found. */
export function linesOf(constraints: readonly Constraint[]): readonly string[] | undefined {
  const unwanted = constraints.filter(({ negated }) => negated);
  const wanted = constraints.filter(({ negated }) => !negated);
  const found = wanted.map((constraint) =>
    valuesOf(wanted).find((value) => meets(constraint, value) && unwanted.every((each) => meets(each, value))),
  );
  const lines = found.filter((value) => value !== undefined);
  return lines.length < found.length ? undefined : [...new Set(lines)];
}

function meets({ attribute, negated, anyOf }: Constraint, value: string): boolean {
  const holds = isAddress(attribute) ? isWithin : matchesPattern;
  return anyOf.some((pattern) => holds(pattern, value)) !== negated;
}

function isWithin(pattern: Pattern, address: string): boolean {
  const cidr = pattern.kind === 'exact' ? parseCidr(pattern.value) : undefined;
  return cidr !== undefined && containsAddress(cidr, address);
}

/** Enough to try, when a list holds thousands. */
const most = 40;

function valuesOf(constraints: readonly Constraint[]): readonly string[] {
  const wanted = constraints.filter(({ negated }) => !negated).flatMap(({ anyOf }) => anyOf.slice(0, most));
  const address = constraints.some(({ attribute }) => isAddress(attribute));
  if (address) return wanted.flatMap(addressesOf);
  const starts = wanted.flatMap((pattern) => (pattern.kind === 'prefix' ? [pattern.value] : []));
  const ends = wanted.flatMap((pattern) => (pattern.kind.startsWith('suffix') ? [textOf(pattern)] : []));
  const both = starts
    .slice(0, 8)
    .flatMap((start) => ends.slice(0, 8).flatMap((end) => [`${start}${end}`, `${start}x${end}`]));
  const texts = [...both, ...wanted.flatMap(textsOf)];
  const isPath = constraints.some(({ attribute }) => attribute.kind === 'path');
  return isPath ? texts.map((text) => (text.startsWith('/') ? text : `/${text}`)) : texts;
}

function textsOf(pattern: Pattern): readonly string[] {
  const text = textOf(pattern);
  switch (pattern.kind) {
    case 'exact':
      return [text];
    case 'prefix':
      return [`${text}x`, text, `${text}x-1`];
    case 'suffix':
    case 'suffix-any-port':
      return [`x${text}`, text, `x-1${text}`];
    case 'present':
      return ['x', 'any'];
    case 'template':
      return [text.replaceAll('{**}', 'x').replaceAll('{*}', 'x'), text.replaceAll('{**}', '').replaceAll('{*}', 'y')];
  }
}

function textOf(pattern: Pattern): string {
  return pattern.kind === 'present' ? '' : pattern.value;
}

/** The first, one further, and the last address of a range. */
function addressesOf(pattern: Pattern): readonly string[] {
  const cidr = pattern.kind === 'exact' ? parseCidr(pattern.value) : undefined;
  if (cidr === undefined) return [];
  const size = cidr.bits.startsWith('4') ? 33 : 129;
  const filled = (bit: string) => cidr.bits.padEnd(size, bit);
  const last = filled('1');
  return [`${filled('0').slice(0, size - 1)}${cidr.bits.length < size ? '1' : last.slice(-1)}`, last, filled('0')].map(
    (bits) => cidrOfBits(bits).text.replace(/\/\d+$/, ''),
  );
}
