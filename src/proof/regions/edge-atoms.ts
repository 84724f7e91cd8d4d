/** What an edge's files ask of a request. */

import type { Permission, Principal, RbacRules, ValueMatcher } from '../../envoy/rbac.ts';
import type { HeaderMatcher, RouteMatch, StringMatcher } from '../../envoy/route.ts';
import { matchesTemplate } from '../../policy/template.ts';
import { textsMatching } from '../../resolve/compare/expressions.ts';
import { expression, matchesString, UnknownConfig } from '../edge/strings.ts';
import { type Atom, type AttributeName, addressAtom, atom, type Shape } from './atoms.ts';

export function routeAtoms(match: RouteMatch): readonly Atom[] {
  return [
    pathAtom(match),
    ...(match.headers ?? []).flatMap(headerAtoms),
    ...(match.query_parameters ?? []).map(({ name, string_match }) => stringAtom(`query:${name}`, string_match)),
  ];
}

export function pathAtom({ path, prefix, path_separated_prefix: separated, safe_regex }: RouteMatch): Atom {
  if (path !== undefined) return atom('path', { kind: 'exact', text: path }, (value) => value === path);
  if (separated !== undefined) {
    const holds = (value: string) => value === separated || value.startsWith(`${separated}/`);
    const found = atom('path', { kind: 'exact', text: separated }, holds);
    return { ...found, id: `path under ${separated}`, samples: [`${separated}/x`, `${separated}/`, ...found.samples] };
  }
  if (safe_regex !== undefined) return expressionAtom('path', safe_regex.regex);
  return atom('path', { kind: 'prefix', text: prefix ?? '/' }, (value) => value.startsWith(prefix ?? '/'));
}

function expressionAtom(attribute: AttributeName, regex: string): Atom {
  const shape: Shape = { kind: 'expression', text: regex, matching: textsMatching(regex) };
  return atom(attribute, shape, (value) => expression(regex).matches(value));
}

const pseudo: Readonly<Record<string, AttributeName>> = { ':method': 'method', ':authority': 'host', host: 'host' };

function headerAtoms({ name, string_match }: HeaderMatcher): readonly Atom[] {
  const attribute = pseudo[name] ?? `header:${name}`;
  return [string_match === undefined ? presence(attribute) : stringAtom(attribute, string_match)];
}

function presence(attribute: AttributeName): Atom {
  return atom(attribute, { kind: 'present' }, () => true);
}

function stringAtom(attribute: AttributeName, matcher: StringMatcher): Atom {
  const holds = (value: string) => matchesString(matcher, value);
  if ('safe_regex' in matcher) return expressionAtom(attribute, matcher.safe_regex.regex);
  if ('exact' in matcher) return atom(attribute, { kind: 'exact', text: matcher.exact }, holds);
  if ('prefix' in matcher) return atom(attribute, { kind: 'prefix', text: matcher.prefix }, holds);
  return atom(attribute, { kind: 'suffix', text: matcher.suffix }, holds);
}

/** What is known of a request; undefined for what is not. */
export type Known = (atom: Atom) => boolean | undefined;

/** Of policies that may still match, given what is known. */
export function rulesAtoms({ policies }: RbacRules, known: Known): readonly Atom[] {
  return Object.values(policies).flatMap(({ permissions, principals }) => {
    const open = permissions.filter((one) => couldPermit(one, known) !== false);
    if (open.length === 0) return [];
    return [...open.flatMap(permissionAtoms), ...principals.flatMap(principalAtoms)];
  });
}

function couldPermit(permission: Permission, known: Known): boolean | undefined {
  if ('any' in permission) return permission.any;
  if ('and_rules' in permission) return all(permission.and_rules.rules.map((one) => couldPermit(one, known)));
  if ('or_rules' in permission) return not(all(permission.or_rules.rules.map((one) => not(couldPermit(one, known)))));
  if ('not_rule' in permission) return not(couldPermit(permission.not_rule, known));
  const [one] = permissionAtoms(permission);
  return one === undefined ? undefined : known(one);
}

function all(answers: readonly (boolean | undefined)[]): boolean | undefined {
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

function not(answer: boolean | undefined): boolean | undefined {
  return answer === undefined ? undefined : !answer;
}

function permissionAtoms(permission: Permission): readonly Atom[] {
  if ('any' in permission) return [];
  if ('and_rules' in permission) return permission.and_rules.rules.flatMap(permissionAtoms);
  if ('or_rules' in permission) return permission.or_rules.rules.flatMap(permissionAtoms);
  if ('not_rule' in permission) return permissionAtoms(permission.not_rule);
  if ('header' in permission) return headerAtoms(permission.header);
  if ('url_path' in permission) return [stringAtom('path', permission.url_path.path)];
  const template = permission.uri_template.typed_config['path_template'];
  return typeof template === 'string' ? [templateAtom(template)] : [];
}

function templateAtom(template: string): Atom {
  const text = template.replaceAll(/\*\*|\*/g, (operator) => `{${operator}}`);
  return atom('path', { kind: 'template', text }, (value) => matchesTemplate(text, value));
}

function principalAtoms(principal: Principal): readonly Atom[] {
  if ('any' in principal) return [];
  if ('and_ids' in principal) return principal.and_ids.ids.flatMap(principalAtoms);
  if ('or_ids' in principal) return principal.or_ids.ids.flatMap(principalAtoms);
  if ('not_id' in principal) return principalAtoms(principal.not_id);
  if ('direct_remote_ip' in principal) return [addressAtom('direct', rangeOf(principal.direct_remote_ip))];
  if ('remote_ip' in principal) return [addressAtom('remote', rangeOf(principal.remote_ip))];
  if ('sourced_metadata' in principal) {
    const { path, value } = principal.sourced_metadata.metadata_matcher;
    const claim = path.slice(1).map(({ key }) => key);
    return valueAtoms(`claim:${JSON.stringify(claim)}`, value);
  }
  if ('authenticated' in principal) return [stringAtom('certificate', principal.authenticated.principal_name)];
  if ('filter_state' in principal) return [stringAtom('certificate', principal.filter_state.string_match)];
  throw new UnknownConfig('principal', principal);
}

function rangeOf(range: { readonly address_prefix: string; readonly prefix_len: number }): string {
  return `${range.address_prefix}/${range.prefix_len}`;
}

function valueAtoms(attribute: AttributeName, matcher: ValueMatcher): readonly Atom[] {
  if ('or_match' in matcher) return matcher.or_match.value_matchers.flatMap((one) => valueAtoms(attribute, one));
  if ('list_match' in matcher) return valueAtoms(attribute, matcher.list_match.one_of);
  return 'string_match' in matcher ? [stringAtom(attribute, matcher.string_match)] : [];
}
