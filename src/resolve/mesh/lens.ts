/** Whose decisions count: what is in force, or what policies in mode Shadow would decide. */
import type { Guard, Policy } from '../../ir/guard.ts';
import { admitNobody, and, type Conjunction, type Decision } from '../../policy/decision.ts';

export interface Lens {
  /** All policies on the path; undefined where the edge answers without a look at them. */
  readonly whole: (guard: Guard) => Decision | 'too-complex' | undefined;
  /** Those on gateways and Routes alone. */
  readonly routes: (guard: Guard) => Decision | 'too-complex' | undefined;
  readonly policies: (all: readonly Policy[]) => readonly Policy[];
}

type Guarded = Extract<Guard, { readonly kind: 'guarded' }>;

function remembering(decide: (guard: Guarded) => Decision | 'too-complex'): Lens['whole'] {
  const known = new WeakMap<Guard, Decision | 'too-complex'>();
  return (guard) => {
    if (guard.kind === 'blocked') return undefined;
    const decision = known.get(guard) ?? decide(guard);
    known.set(guard, decision);
    return decision;
  };
}

/** One alone is in normal form. */
function together(decisions: readonly Decision[]): Decision | 'too-complex' {
  const [only, ...others] = decisions;
  return only !== undefined && others.length === 0 ? only : and(decisions);
}

export const inForce: Lens = {
  whole: (guard) => (guard.kind === 'blocked' ? undefined : guard.decision),
  routes: remembering(({ covered, decision, parts }) => {
    if (!covered) return { ...decision, allow: [] };
    if (parts.every(({ on }) => on !== 'service')) return decision;
    return together(parts.filter(({ on }) => on !== 'service').map(({ policy }) => policy.decision));
  }),
  policies: (all) => all.filter(({ mode }) => mode === 'Enforce'),
};

/** As if those in mode Shadow were in force beside the others. */
export const ifEnforced: Lens = {
  whole: remembering((guard) =>
    withShadow(
      guard,
      guard.parts.map(({ policy }) => policy.decision),
    ),
  ),
  routes: remembering((guard) =>
    withShadow(
      guard,
      guard.parts.filter(({ on }) => on !== 'service').map(({ policy }) => policy.decision),
    ),
  ),
  policies: (all) => all.filter(({ broken }) => broken === undefined),
};

function withShadow(guard: Guarded, parts: readonly Decision[]): Decision | 'too-complex' {
  const { covered, shadow, decision, uncounted } = guard;
  if (uncounted !== undefined) return 'too-complex';
  if (shadow === undefined && covered) return parts.length === 0 ? decision : and(parts);
  const covers = covered || shadow?.decision.allow.some(says) === true;
  return covers ? and([...parts, ...(shadow === undefined ? [] : [shadow.decision])]) : admitNobody;
}

/** A list of denies alone stands for everyone by a name that no rule has (`resolve/auth-policy.ts`). */
function says({ constraints, sources }: Conjunction): boolean {
  return constraints.length > 0 || sources.some(({ rule }) => rule !== 'authenticate');
}
