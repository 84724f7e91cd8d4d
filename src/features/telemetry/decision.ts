/**
 * Who decided, and what, as formats of Envoy. Plain operators print what is ordinary. The rest is for expressions (CEL) over
 * what the filters left behind: one that fails has no value, and its field is left out. Each costs more than the rest of a
 * line, a regular expression in it as much as a request, so they are evaluated for lines alone that need them.
 */
import { type Json, types } from '../../envoy/json.ts';
import { failedTokenPolicy } from '../names.ts';
import { keys, misdirectedName, notFoundName, told } from './route-metadata.ts';

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

const ofRoute = (key: keyof typeof keys) => `%METADATA(ROUTE:${told}:${keys[key]})%`;

/** Where the request was matched. */
export const places = {
  listener: `%METADATA(VIRTUAL_HOST:${told}:${keys.listener})%`,
  route: ofRoute('route'),
  rule: ofRoute('rule'),
} as const;

const details = 'response.code_details';
const limited = `${details} == 'local_rate_limited'`;
/** What RBAC leaves: `deny_…` and `allow_…` of the two guards. */
const rbac = 'envoy.filters.http.rbac';
const left = `metadata.filter_metadata['${rbac}']`;
const saysRoute = (key: keyof typeof keys) => `xds.route_metadata.filter_metadata.${told}.${keys[key]}`;
/** Refused before any filter saw it. */
export const unfiltered = `!('${rbac}' in metadata.filter_metadata)`;
const known = (field: string) => `'${field}' in ${left}`;

const verdict = 'allow_enforced_engine_result';
const admitter = 'allow_enforced_effective_policy_id';
const shadowVerdict = 'allow_shadow_engine_result';

/** Was admitted, no limit was full, and no policy is on trial: told without expressions. */
export const ordinary: readonly Json[] = [
  leftBehind(verdict, 'allowed'),
  limits('NE'),
  leftBehind(shadowVerdict, undefined),
];

/** What is not ordinary; Envoy has no filter that turns another one round. */
export const others: readonly Json[] = [
  {
    or_filter: {
      filters: [leftBehind(verdict, 'denied', true), limits('EQ'), leftBehind(shadowVerdict, 'present')],
    },
  },
];

/** `undefined`: nothing is. Envoy 1.40 ignores the matcher's `invert`. */
function leftBehind(key: string, wanted: 'allowed' | 'denied' | 'present' | undefined, orNothing = false): Json {
  const value = wanted === 'present' ? { present_match: true } : { string_match: { exact: wanted ?? '' } };
  const match_if_key_not_found = orNothing || wanted === undefined;
  return { metadata_filter: { matcher: { filter: rbac, path: [{ key }], value }, match_if_key_not_found } };
}

/** Whoever answered so: the flag of a limit has no filter that is its opposite. */
function limits(op: 'EQ' | 'NE'): Json {
  return { status_code_filter: { comparison: { op, value: { default_value: 429, runtime_key: 'evengate.429' } } } };
}

export const admitted = {
  decision: 'admitted',
  policy: ofRoute('admitting'),
  policy_rule: `%DYNAMIC_METADATA(${rbac}:${admitter})%`,
} as const;

/** As short as it can be: each connection manager repeats it. */
const decision = [
  `${details}.startsWith('rbac_') ? (${details}.contains('[${failedTokenPolicy}]') ? 'unauthenticated'`,
  `${details}.contains('/') || ${details}.contains('[none]') ? 'denied' : 'refused')`,
  `${details}.startsWith('jwt_') ? 'unauthenticated'`,
  `${limited} ? 'limited'`,
  `${unfiltered} ? 'refused'`,
  `${known(verdict)} ? 'admitted'`,
  `xds.route_name == '${notFoundName}' ? 'not_found'`,
  `xds.route_name == '${misdirectedName}' ? 'misdirected' : 'blocked'`,
].join(' : ');

/** Of the name of an RBAC policy that denies: `<policies>:<rules>`. */
const bySplit = (name: string, index: 0 | 1) => `${name}.split(':')[${index}]`;

/** Envoy ends with it what a policy of RBAC denied: no other detail holds who did; `[none]` is in ALLOW. */
const denied = 'rbac_access_denied_matched_policy[';

/** In a refusal's details, as short as it is in the language of a line, and in that of spans, which has no `split`. */
interface Refuser {
  readonly policy: string;
  readonly rule: string;
}
const ofLine: Refuser = {
  policy: `${details}.substring(${denied.length}, ${details}.indexOf(':'))`,
  rule: `${details}.split(':')[1].split(']')[0]`,
};
const extracted = (expression: string) => `re.extract(${details}, '${expression}', '\\\\1')`;
const ofSpan: Refuser = {
  policy: extracted('^rbac[^[]*.([^:]*):.*$'),
  rule: extracted('^rbac[^:]*:([^]]*).*$'),
};

/** Fails, and leaves its field out, where a part of Evengate's own refused; without a rule where all of the policies did. */
function deciders({ policy, rule }: Refuser): { readonly policy: string; readonly policy_rule: string } {
  const admittedBy = `${known(admitter)} || !('${keys.picky}' in xds.route_metadata.filter_metadata.${told})`;
  const others = `${admittedBy} ? ${saysRoute('admitting')} : ${saysRoute('picky')}`;
  const one = `${details}.startsWith('rbac') && !${details}.endsWith('[none]') ? ${policy}`;
  return {
    policy: cel(`${limited} ? ${saysRoute('limiting')} : ${one} : ${others}`),
    policy_rule: cel(
      `${limited} ? ${saysRoute('limits')} : ${details}.startsWith('rbac') ? ${rule} : ${left}.${admitter}`,
    ),
  };
}

const shadowRefuser = 'deny_shadow_effective_policy_id';
const shadowRefused = (index: 0 | 1) => `${known(shadowRefuser)} ? ${bySplit(`${left}.${shadowRefuser}`, index)}`;

/** Of a line that is not ordinary. */
export const deciding = {
  decision: cel(decision),
  ...deciders(ofLine),
  shadow_decision: cel(`${known(shadowRefuser)} || ${left}.${shadowVerdict} == 'denied' ? 'denied' : 'admitted'`),
  shadow_policy: cel(`${shadowRefused(0)} : ${left}.${shadowVerdict} == '' ? '' : ${saysRoute('shadow')}`),
  shadow_policy_rule: cel(`${shadowRefused(1)} : ${left}.allow_shadow_effective_policy_id`),
} as const;

/** Of a span. */
export const spanDeciding = { decision: cel(decision), ...deciders(ofSpan) } as const;

/** Left out where it is empty. */
export function nonEmpty(text: string): string {
  return cel(`${text} == '' ? ${nothing} : ${text}`);
}
