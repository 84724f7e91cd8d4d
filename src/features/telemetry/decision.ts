/**
 * Who decided, and what, as formats of Envoy: expressions (CEL) over what its filters left behind. One that fails has no
 * value, and its field is left out.
 */
import { failedTokenPolicy } from '../names.ts';
import { misdirectedName, notFoundName } from './route-name.ts';

export function cel(expression: string): string {
  return `%CEL(${expression})%`;
}

/** Fails. */
export const nothing = "{'': ''}['-']";

const details = 'response.code_details';
const limited = `${details} == 'local_rate_limited'`;
/** What RBAC leaves: `deny_…` and `allow_…` of the two guards. */
const rbac = 'envoy.filters.http.rbac';
const left = `metadata.filter_metadata['${rbac}']`;
/** Refused before any filter saw it. */
export const unfiltered = `!('${rbac}' in metadata.filter_metadata)`;
const known = (field: string) => `'${field}' in ${left}`;
const ifKnown = (field: string) => `${known(field)} ? ${left}.${field}`;

/** Once more as short as it can be: each connection manager repeats it. */
const decision = [
  `${details}.startsWith('rbac_') ? (${details}.contains('[${failedTokenPolicy}]') ? 'unauthenticated'`,
  `${details}.contains('/') || ${details}.contains('[none]') ? 'denied' : 'refused')`,
  `${details}.startsWith('jwt_') ? 'unauthenticated'`,
  `${limited} ? 'limited'`,
  `${unfiltered} ? 'refused'`,
  `${known('allow_enforced_engine_result')} ? 'admitted'`,
  `xds.route_name == '${notFoundName}' ? 'not_found'`,
  `xds.route_name == '${misdirectedName}' ? 'misdirected' : 'blocked'`,
].join(' : ');

const extract = (from: string, pattern: string, to: string) => `re.extract(${from}, '${pattern}', '${to}')`;
const ofRouteName = (word: string) => extract('xds.route_name', `^.* ${word}=([^ ]+).*$`, group(1));

/** Of the text of an expression, which takes one backslash away. */
function group(...numbers: readonly number[]): string {
  return numbers.map((number) => `\\\\${number}`).join('');
}

/** `<namespace>/<policy>:<rule>`, several with `+` between, as RBAC policies are called; without rules where all of the policies together decided. */
const decider = [
  `${limited} ? ${ofRouteName('limit')}`,
  ifKnown('deny_enforced_effective_policy_id'),
  ifKnown('allow_enforced_effective_policy_id'),
  ofRouteName('auth'),
].join(' : ');

const shadowRefuses = known('deny_shadow_effective_policy_id');
const shadowDecider = [
  ifKnown('deny_shadow_effective_policy_id'),
  ifKnown('allow_shadow_effective_policy_id'),
  `${left}.allow_shadow_engine_result == 'denied' ? ${ofRouteName('shadow')} : ''`,
].join(' : ');

/** Of at most 100 RE2 instructions, of which a negated class takes a dozen: so printable ASCII, and five policies. */
const more = 4;
const policyPattern = `^([a-z0-9-]+/[a-z0-9.-]+)(?::[!-*,-~]+)?${'([+][!-*,-9;-~]+)?(?::[!-*,-~]+)?'.repeat(more)}.*$`;
const rulePattern = `^[!-9;-~]+:([!-"$-*,-~]+)${'(?:([+])[!-9;-~]+:([!-"$-*,-~]+))?'.repeat(more)}.*$`;
const policiesOf = (names: string) => extract(`(${names})`, policyPattern, group(1, 2, 3, 4, 5));
const rulesOf = (names: string) => extract(`(${names})`, rulePattern, group(1, 2, 3, 4, 5, 6, 7, 8, 9));

/** Left out where it is empty. */
export const nonEmpty = (text: string) => cel(extract(text, '^(.+)$', group(1)));

/** Shared by lines and spans. */
export const deciding = {
  listener: cel(extract('xds.virtual_host_name', '^([^/]+)/.*$', group(1))),
  route: cel(extract('xds.route_name', '^([^/ ]+/[^/ ]+)/.*$', group(1))),
  rule: cel(extract('xds.route_name', '^[^/ ]+/[^/ ]+/([^/ ]+)/.*$', group(1))),
  decision: cel(decision),
  policy: cel(policiesOf(decider)),
  policy_rule: cel(rulesOf(decider)),
} as const;

/** For spans: how the route is called, without its match and who may refuse. */
export const servedBy = cel(extract('xds.route_name', '^([^/ ]+(?:/[^/ ]+/[^/ ]+)?).*$', group(1)));

export const shadowDeciding = {
  shadow_decision: cel(`${shadowRefuses} || ${left}.allow_shadow_engine_result == 'denied' ? 'denied' : 'admitted'`),
  shadow_policy: cel(policiesOf(shadowDecider)),
  shadow_policy_rule: cel(rulesOf(shadowDecider)),
} as const;
