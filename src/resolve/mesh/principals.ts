/** Identities of the mesh, as the one form that sidecar, waypoint and ztunnel read alike. */
import type { Constraint } from '../../policy/decision.ts';
import type { Pattern } from '../../policy/pattern.ts';

/** Service accounts and namespaces are of the mesh's own trust domain; principals say theirs. */
export function principalConstraint(constraint: Constraint, trustDomain: string): Constraint {
  const { kind } = constraint.attribute;
  if (kind === 'principal') return constraint;
  const read = kind === 'serviceAccount' ? serviceAccount : namespace;
  const anyOf = constraint.anyOf.map((pattern) => read(pattern, `${trustDomain}/ns/`));
  return { ...constraint, attribute: { kind: 'principal' }, anyOf };
}

/** Users write neither with a wildcard (features/authorize/schema.ts); what is none of theirs has no words. */
function serviceAccount(pattern: Pattern, start: string): Pattern {
  const [name = '', account, ...more] = pattern.kind === 'exact' ? pattern.value.split('/') : [];
  if (account === undefined || more.length > 0) return wordless;
  return { kind: 'exact', value: `${start}${name}/sa/${account}` };
}

function namespace(pattern: Pattern, start: string): Pattern {
  return pattern.kind === 'exact' ? { kind: 'prefix', value: `${start}${pattern.value}/sa/` } : wordless;
}

/** Istio has no words for it. */
const wordless: Pattern = { kind: 'suffix-any-port', value: '' };
