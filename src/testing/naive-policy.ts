/** What an AuthPolicy says of a request, straight from its spec as the documentation has it: no algebra, no Envoy. */
import type { AuthPolicySpec } from '../api/policies.ts';
import { containsAddress, parseCidr } from '../policy/cidr.ts';
import { type Caller, quote } from './evaluate-route.ts';

type Rule = NonNullable<NonNullable<AuthPolicySpec['authorize']>['allow']>[number];
type From = NonNullable<Rule['from']>[number];
type To = NonNullable<Rule['to']>[number];
type When = NonNullable<Rule['when']>[number];

/** Whether the policy admits the caller; `others` are issuers that other policies on the path accept. */
export function admits(spec: AuthPolicySpec, caller: Caller, others: readonly string[] = []): boolean {
  const jwt = spec.authenticate?.jwt;
  const trusted = jwt?.map(({ issuer }) => issuer) ?? others;
  const { token, ...anonymous } = caller;
  const known = token !== undefined && trusted.includes(token.iss) ? caller : anonymous;
  if (spec.authorize?.deny?.some((rule) => holds(rule, known))) return false;
  const authenticated =
    jwt === undefined ||
    jwt.some(({ issuer, audiences }) => {
      const own = values(caller, 'aud');
      return token?.iss === issuer && (audiences === undefined || audiences.some((one) => own.includes(one)));
    });
  const { allow } = spec.authorize ?? {};
  return authenticated && (allow === undefined || allow.some((rule) => holds(rule, known)));
}

function holds({ from, to, when }: Rule, caller: Caller): boolean {
  return (
    (from === undefined || from.some((source) => isFrom(source, caller))) &&
    (to === undefined || to.some((operation) => isTo(operation, caller))) &&
    (when ?? []).every((condition) => isWhen(condition, caller))
  );
}

function isFrom(source: From, caller: Caller): boolean {
  const within = (blocks: readonly string[], address: string) =>
    blocks.some((text) => {
      const block = parseCidr(text);
      return block !== undefined && containsAddress(block, address);
    });
  const principal = (text: string) => {
    const slash = text.lastIndexOf('/');
    const [issuer, subject] = text === '*' ? ['*', '*'] : [text.slice(0, slash), text.slice(slash + 1)];
    return values(caller, 'iss').some(fits(issuer)) && values(caller, 'sub').some(fits(subject));
  };
  // The caller is from outside and shows no certificate: whatever `not…` says of such a thing holds.
  const unknown = [source.serviceAccounts, source.namespaces, source.principals, source.clientCertificates];
  return (
    unknown.every((list) => list === undefined) &&
    (source.ipBlocks === undefined || within(source.ipBlocks, caller.peer)) &&
    !within(source.notIpBlocks ?? [], caller.peer) &&
    (source.remoteIpBlocks === undefined || within(source.remoteIpBlocks, caller.client)) &&
    !within(source.notRemoteIpBlocks ?? [], caller.client) &&
    (source.requestPrincipals === undefined || source.requestPrincipals.some(principal)) &&
    !(source.notRequestPrincipals ?? []).some(principal)
  );
}

function isTo(operation: To, { method, path, host }: Caller): boolean {
  const bare = host.toLowerCase().replace(/:\d+$/, '');
  const isHost = (text: string) => fits(text.toLowerCase())(bare) || fits(text.toLowerCase())(host.toLowerCase());
  const isPath = (text: string) => (text.includes('{') ? template(text).test(path) : fits(text)(path));
  return (
    (operation.methods === undefined || operation.methods.some((text) => fits(text)(method))) &&
    !(operation.notMethods ?? []).some((text) => fits(text)(method)) &&
    (operation.paths === undefined || operation.paths.some(isPath)) &&
    !(operation.notPaths ?? []).some(isPath) &&
    (operation.hosts === undefined || operation.hosts.some(isHost)) &&
    !(operation.notHosts ?? []).some(isHost)
  );
}

function isWhen({ claim, header, values: wanted, notValues }: When, caller: Caller): boolean {
  const found = claim === undefined ? (caller.headers[(header ?? '').toLowerCase()] ?? []) : values(caller, claim);
  // An empty line is there, too.
  const has = (text: string) => (claim === undefined && text === '*' ? found.length > 0 : found.some(fits(text)));
  return (wanted === undefined || wanted.some(has)) && !(notValues ?? []).some(has);
}

/** Strings of a claim: its own, its words, or those of its list. */
function values({ token }: Caller, claim: string): readonly string[] {
  const path = claim.startsWith('/') ? claim.slice(1).split('/') : [claim];
  const found = path.reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], token);
  if (typeof found === 'string') return claim === 'scope' || claim === 'permission' ? found.split(' ') : [found];
  return Array.isArray(found) ? found.filter((one) => typeof one === 'string') : [];
}

function fits(text: string): (value: string) => boolean {
  if (text === '*') return (value) => value !== '';
  if (text.startsWith('*')) return (value) => value.endsWith(text.slice(1));
  return text.endsWith('*') ? (value) => value.startsWith(text.slice(0, -1)) : (value) => value === text;
}

function template(text: string): RegExp {
  const parts = text.split(/(\{\*\*\}|\{\*\})/);
  return new RegExp(
    `^${parts.map((part) => (part === '{**}' ? '.*' : part === '{*}' ? '[^/]+' : quote(part))).join('')}$`,
  );
}
