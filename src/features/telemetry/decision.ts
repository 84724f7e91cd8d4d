/**
 * Who decided, and what, as formats of Envoy: expressions (CEL) over what its filters left behind. One that fails has no
 * value, and its field is left out. An expression is a few microseconds a request, a regular expression in it thirty: so
 * those only read spans of refusals, where Envoy 1.40 offers nothing else.
 */
import { type Json, types } from '../../envoy/json.ts';
import { anyonePolicy, failedTokenPolicy } from '../names.ts';
import { misdirectedName, notFoundName } from './route-name.ts';

export function cel(expression: string): string {
  return `%CEL(${expression})%`;
}

/** What expressions with `split` need beside them. */
export const formatters: Json = [
  {
    name: 'envoy.formatter.cel',
    typed_config: { '@type': types.celFormatter, cel_config: { enable_string_functions: true } },
  },
];

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
const admitter = `${left}.allow_enforced_effective_policy_id`;

/** As short as it can be: each connection manager repeats it. */
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

/** What the route's name says after a word. */
type OfRouteName = (word: string) => string;
const bySplit: OfRouteName = (word) => `xds.route_name.split(' ${word}=')[1].split(' ')[0]`;
const byExpression: OfRouteName = (word) => `re.extract(xds.route_name, '^.* ${word}=([^ ]+).*$', '\\\\1')`;

/** As RBAC policies are called; without rules where all of the policies together decided. */
function decider(ofRouteName: OfRouteName): string {
  return [
    `${limited} ? ${ofRouteName('limit')}`,
    `${details}.contains('[${failedTokenPolicy}]') ? ${nothing}`,
    ifKnown('deny_enforced_effective_policy_id'),
    `${known('allow_enforced_effective_policy_id')} ? (${admitter} == '${anyonePolicy}' ? ${nothing} : ${admitter})`,
    ofRouteName('auth'),
  ].join(' : ');
}

const shadowRefuses = known('deny_shadow_effective_policy_id');
const shadowDecider = [
  ifKnown('deny_shadow_effective_policy_id'),
  ifKnown('allow_shadow_effective_policy_id'),
  `${left}.allow_shadow_engine_result == 'denied' ? ${bySplit('shadow')} : ${nothing}`,
].join(' : ');

const policiesOf = (names: string) => cel(`(${names}).split(':')[0]`);
const rulesOf = (names: string) => cel(`(${names}).split(':')[1].split('#')[0]`);

/** Where the request was matched; found out once. */
export const places = {
  listener: cel("xds.virtual_host_name.split('/')[0]"),
  route: cel("xds.route_name.substring(0, xds.route_name.indexOf('/', xds.route_name.indexOf('/') + 1))"),
  rule: cel("xds.route_name.split('/')[2]"),
} as const;

/** Of a line. */
export const deciding = {
  decision: cel(decision),
  policy: policiesOf(decider(bySplit)),
  policy_rule: rulesOf(decider(bySplit)),
  shadow_decision: cel(`${shadowRefuses} || ${left}.allow_shadow_engine_result == 'denied' ? 'denied' : 'admitted'`),
  shadow_policy: policiesOf(shadowDecider),
  shadow_policy_rule: rulesOf(shadowDecider),
} as const;

/** Of a span, in which policies and rules stand together. */
export const spanDeciding = { decision: cel(decision), policy: cel(decider(byExpression)) } as const;

/** Left out where it is empty. */
export function nonEmpty(text: string): string {
  return cel(`${text} == '' ? ${nothing} : ${text}`);
}
