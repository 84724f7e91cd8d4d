/** Whether what a workload becomes is taken by the API server; asked before it is rendered, and never too late. */
import type { Source } from '../policy/constraint.ts';
import type { Issuer } from './guard.ts';
import type { MeshDecision, MeshRule, MeshWorkload } from './mesh.ts';

/** Of the CRD's `rules`. */
const maximumRules = 512;
/** etcd takes 1.5 MiB a request; the rest is for metadata and for what the API server adds. */
const maximumBytes = 1_000_000;
/** All annotations of an object have 256 KiB. */
const maximumAnnotation = 250_000;

/** An upper bound, so that no object is larger than it says. */
export function tooLarge({ decision, issuers }: Pick<MeshWorkload, 'decision' | 'issuers'>): boolean {
  return sum(issuers.map(issuerBytes)) > maximumBytes || isTooLarge(decision, issuers);
}

function isTooLarge({ allow, deny }: MeshDecision, issuers: readonly Issuer[]): boolean {
  // One rule more keeps the other ports open.
  if (allow.length >= maximumRules || deny.length > maximumRules) return true;
  const issuerText = sum(issuers.map(({ issuer }) => bytes(issuer)));
  return [allow, deny].some(
    (rules) =>
      originBytes(rules.map(({ conjunction }) => conjunction.sources)) > maximumAnnotation ||
      sum(rules.map((rule) => ruleBytes(rule, issuerText))) > maximumBytes,
  );
}

/** Our form of a constraint is wordier than Istio's, but for an issuer, which we know by its id. */
function ruleBytes({ ports, conjunction: { constraints, sources } }: MeshRule, issuerText: number): number {
  const byId = constraints.some(({ attribute }) => attribute.kind === 'issuer');
  const numbers = 8 * sum(ports.map(({ targets }) => targets.length + 1));
  return 128 + numbers + bytes(constraints) + bytes(sources) + (byId ? issuerText : 0);
}

function originBytes(all: readonly (readonly Source[])[]): number {
  return 8 * all.length + sum([...new Set(all.map((sources) => JSON.stringify(sources)))].map(bytes));
}

function issuerBytes({ issuer, keys }: Issuer): number {
  return 256 + bytes(issuer) + bytes(keys);
}

function bytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
