/** What policies ask of a caller inside the mesh, whatever became of it. */

import type { Constraint, Decision } from '../../policy/decision.ts';
import { matchesPattern, type Pattern } from '../../policy/pattern.ts';
import { type Atom, type AttributeName, atom, type Shape } from './atoms.ts';

export function decisionAtoms({ allow, deny }: Decision, trustDomain: string): readonly Atom[] {
  return [...allow, ...deny].flatMap(({ constraints }) =>
    constraints.flatMap((one) => constraintAtoms(one, trustDomain)),
  );
}

function constraintAtoms({ attribute, anyOf }: Constraint, trustDomain: string): readonly Atom[] {
  switch (attribute.kind) {
    case 'directIp':
    case 'remoteIp':
    case 'clientCertificate':
    case 'issuer':
      return [];
    case 'serviceAccount':
    case 'namespace': {
      const { kind } = attribute;
      return anyOf.map((pattern) => identityAtom(pattern, kind === 'namespace', trustDomain));
    }
    case 'claim':
      return anyOf.map((pattern) => patternAtom(`claim:${JSON.stringify(attribute.path)}`, pattern));
    case 'header':
      return anyOf.map((pattern) => patternAtom(`header:${attribute.name}`, pattern));
    case 'method':
    case 'path':
    case 'host':
    case 'principal':
      return anyOf.map((pattern) => patternAtom(attribute.kind, pattern));
  }
}

function patternAtom(attribute: AttributeName, pattern: Pattern): Atom {
  const shape: Shape =
    pattern.kind === 'present'
      ? pattern
      : { kind: pattern.kind === 'suffix-any-port' ? 'suffix' : pattern.kind, text: pattern.value };
  const fold = attribute === 'host' ? (value: string) => value.toLowerCase() : (value: string) => value;
  return atom(attribute, shape, (value) => matchesPattern(pattern, fold(value)));
}

/** `namespace/name`, or a namespace, as the identities that it stands for. */
function identityAtom(pattern: Pattern, whole: boolean, trustDomain: string): Atom {
  const [namespace = '', account] = 'value' in pattern ? pattern.value.split('/') : [];
  const start = `${trustDomain}/ns/${namespace}/sa/`;
  if (whole) return atom('principal', { kind: 'prefix', text: start }, (value) => value.startsWith(start));
  const text = `${start}${account ?? ''}`;
  return atom('principal', { kind: 'exact', text }, (value) => value === text);
}
