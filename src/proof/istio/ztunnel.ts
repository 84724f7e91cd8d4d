/** What ztunnel enforces: an AuthorizationPolicy's layer 4, as istiod hands it over and ztunnel's rbac.rs matches it. */

import type { AuthorizationPolicy, Rule } from '../../istio/security.ts';
import { matchAddress, matchPort } from './attributes.ts';
import type { MeshRequest } from './request.ts';
import { conditionField, type Field, operationFields, sourceFields } from './rule.ts';
import { matchText } from './text.ts';

type Question = (text: string) => boolean;

const seen = new Set(['source.ip', 'source.namespace', 'source.principal', 'destination.ip', 'destination.port']);
/** Layer 4 in `from`, too; in `when` istiod takes it for layer 7. */
const account = 'source.serviceAccount';
/** istiod neither hands it over nor counts it as layer 7: the source is enforced without it. */
const lost = 'source.trustDomain';

/**
 * Two traps (pilot/pkg/serviceregistry/ambient handleRule): an ALLOW rule with layer 7 is left out; of a DENY rule the layer 7
 * fields are, and a clause that is left empty matches nothing, so that the rule never fires.
 */
export function ztunnelMatches(rule: Rule, policy: AuthorizationPolicy, request: MeshRequest): boolean {
  const to = (rule.to ?? []).map(({ operation }) => operationFields(operation).filter(isWritten));
  const from = (rule.from ?? []).map(({ source }) => sourceFields(source).filter(isWritten));
  const when = (rule.when ?? []).map((condition) => [conditionField(condition)]);
  const l7 = [...to, ...from].flat().some(({ key }) => !seen.has(key) && key !== account && key !== lost);
  const l7When = when.flat().some(({ key }) => !seen.has(key));
  if ((policy.spec?.action ?? 'ALLOW') === 'ALLOW' && (l7 || l7When)) return false;
  const clauses = [to, from, ...when.map((one) => [one.filter(({ key }) => seen.has(key))])];
  const ask = (field: Field) => questionOf(field.key, policy.metadata.namespace ?? '', request);
  const matches = (fields: readonly Field[]) => matchHolds(fields, ask);
  return clauses.every((clause) => clause.length === 0 || clause.some(matches));
}

function isWritten({ values, notValues }: Field): boolean {
  return values.length > 0 || notValues.length > 0;
}

/** Fields of one match are AND-ed; one that says nothing matches nothing. */
function matchHolds(
  fields: readonly Field[],
  ask: (field: Field) => readonly [Question, Question] | undefined,
): boolean {
  const known = fields.flatMap((field) => {
    const question = ask(field);
    return question === undefined ? [] : [{ field, question }];
  });
  const told = known.map(({ field, question: [isReadable, matches] }) => ({
    values: field.values.filter(isReadable),
    notValues: field.notValues.filter(isReadable),
    matches,
  }));
  const written = told.filter(({ values, notValues }) => values.length > 0 || notValues.length > 0);
  return (
    written.length > 0 &&
    written.every(
      ({ values, notValues, matches }) => (values.length === 0 || values.some(matches)) && !notValues.some(matches),
    )
  );
}

/** Whether istiod hands the text over, and whether the connection matches it; undefined for what ztunnel does not know. */
function questionOf(key: string, namespace: string, request: MeshRequest): readonly [Question, Question] | undefined {
  const { principal, port, directIp, localIp } = request;
  const [, ownNamespace = '', ownAccount = ''] = /^[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal ?? '') ?? [];
  const any = () => true;
  switch (key) {
    case 'source.principal':
      return [any, (text) => principal !== undefined && matchText(text)(principal)];
    case 'source.namespace':
      return [any, (text) => matchText(text)(ownNamespace)];
    case account:
      return [any, (text) => accountOf(text, namespace) === `${ownNamespace}/${ownAccount}`];
    case 'source.ip':
      return [(text) => matchAddress(text, directIp) !== 'invalid', (text) => matchAddress(text, directIp) === true];
    case 'destination.ip':
      return [(text) => matchAddress(text, localIp) !== 'invalid', (text) => matchAddress(text, localIp) === true];
    case 'destination.port':
      return [(text) => matchPort(text, port) !== 'invalid', (text) => matchPort(text, port) === true];
    default:
      return undefined;
  }
}

function accountOf(text: string, namespace: string): string {
  return text.includes('/') ? text : `${namespace}/${text}`;
}
