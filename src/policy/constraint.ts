/** The shape of a decision: sums of products of constraints, each product remembering who wrote it. */
import type { ObjectRef } from '../kube/object.ts';
import type { Attribute } from './attribute.ts';
import type { Pattern } from './pattern.ts';

export interface Constraint {
  readonly attribute: Attribute;
  /** No value matches any of `anyOf`; true when the attribute is absent. */
  readonly negated: boolean;
  /** Ranges of addresses are `{kind: 'exact', value: canonical CIDR text}`. */
  readonly anyOf: readonly Pattern[];
}

export interface Source {
  readonly policy: ObjectRef;
  /** The rule's name, or its place: `allow[0]`. */
  readonly rule: string;
}

/** All constraints hold. Without constraints it matches every request. */
export interface Conjunction {
  readonly constraints: readonly Constraint[];
  readonly sources: readonly Source[];
}

/** Deny wins; `allow: []` admits nobody. */
export interface Decision {
  readonly deny: readonly Conjunction[];
  readonly allow: readonly Conjunction[];
}
