/**
 * What ztunnel makes of the Authorizations that istiod hands it: layer 4 alone (pkg/workloadapi/security/authorization.proto;
 * ztunnel's src/rbac.rs and src/state.rs). Shares no code with what renders or proves.
 */
import { BlockList } from 'node:net';
import type { JsonObject } from '../compile.ts';

export interface Connection {
  /** `TRUST-DOMAIN/ns/NAMESPACE/sa/NAME` of the peer's certificate; absent for plaintext. */
  readonly principal?: string;
  readonly sourceIp: string;
  readonly destinationIp: string;
  /** Of the Pod. */
  readonly port: number;
}

export interface ZtunnelVerdict {
  readonly admitted: boolean;
  /** `namespace/name` of the Authorization that decided; absent where none matches. */
  readonly by?: string;
}

type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly presence: object };

interface Address {
  /** Its bytes, in base64. */
  readonly address: string;
  readonly length?: number;
}

interface AccountMatch {
  readonly namespace?: string;
  readonly serviceAccount?: string;
}

interface Match {
  readonly namespaces?: readonly StringMatch[];
  readonly not_namespaces?: readonly StringMatch[];
  readonly service_accounts?: readonly AccountMatch[];
  readonly not_service_accounts?: readonly AccountMatch[];
  readonly principals?: readonly StringMatch[];
  readonly not_principals?: readonly StringMatch[];
  readonly source_ips?: readonly Address[];
  readonly not_source_ips?: readonly Address[];
  readonly destination_ips?: readonly Address[];
  readonly not_destination_ips?: readonly Address[];
  readonly destination_ports?: readonly number[];
  readonly not_destination_ports?: readonly number[];
}

/** protojson: what has its default is absent. `from`, `to` and each `when` of a rule are a clause each. */
interface Authorization {
  readonly namespace?: string;
  readonly name: string;
  readonly action?: 'ALLOW' | 'DENY';
  readonly dry_run?: boolean;
  readonly groups?: readonly { readonly rules?: readonly { readonly matches?: readonly Match[] }[] }[];
}

/** DENY, then ALLOW; without an ALLOW everybody is admitted. `policies` are those that apply to the workload. */
export function ztunnelDecides(policies: readonly JsonObject[], connection: Connection): ZtunnelVerdict {
  const all = (policies as unknown as readonly Authorization[]).filter(({ dry_run = false }) => !dry_run);
  const [denies, allows] = (['DENY', 'ALLOW'] as const).map((wanted) =>
    all.filter(({ action = 'ALLOW' }) => action === wanted),
  );
  const first = (some: readonly Authorization[] = []) => some.find((one) => matches(one, connection));
  const denying = first(denies);
  if (denying !== undefined) return { admitted: false, by: nameOf(denying) };
  if (allows?.length === 0) return { admitted: true };
  const allowing = first(allows);
  return allowing === undefined ? { admitted: false } : { admitted: true, by: nameOf(allowing) };
}

function nameOf({ namespace = '', name }: Authorization): string {
  return `${namespace}/${name}`;
}

/** Some group of which every clause holds: one without clauses does. */
function matches({ groups = [] }: Authorization, connection: Connection): boolean {
  return groups.some(({ rules = [] }) => rules.every((clause) => clauseHolds(clause.matches ?? [], connection)));
}

/** A clause without matches asks for nothing; a match without fields, which is all that is left of layer 7, never holds. */
function clauseHolds(some: readonly Match[], connection: Connection): boolean {
  return some.length === 0 || some.some((match) => matchHolds(match, connection));
}

function matchHolds(match: Match, { principal, sourceIp, destinationIp, port }: Connection): boolean {
  const caller = identityOf(principal);
  const isCaller = (one: StringMatch) => principal !== undefined && textHolds(one, principal);
  const isNamespace = (one: StringMatch) => textHolds(one, caller?.namespace ?? '');
  const isAccount = ({ namespace = '', serviceAccount = '' }: AccountMatch) =>
    caller?.namespace === namespace && caller.name === serviceAccount;
  const isPort = (one: number) => one === port;
  const fields = [
    field(match.namespaces, match.not_namespaces, isNamespace),
    field(match.service_accounts, match.not_service_accounts, isAccount),
    field(match.principals, match.not_principals, isCaller),
    field(match.source_ips, match.not_source_ips, (one) => contains(one, sourceIp)),
    field(match.destination_ips, match.not_destination_ips, (one) => contains(one, destinationIp)),
    field(match.destination_ports, match.not_destination_ports, isPort),
  ];
  return fields.some((one) => one !== 'unsaid') && !fields.includes('fails');
}

function field<T>(
  wanted: readonly T[] = [],
  unwanted: readonly T[] = [],
  holds: (one: T) => boolean,
): 'unsaid' | 'holds' | 'fails' {
  if (wanted.length === 0 && unwanted.length === 0) return 'unsaid';
  return (wanted.length === 0 || wanted.some(holds)) && !unwanted.some(holds) ? 'holds' : 'fails';
}

function textHolds(match: StringMatch, text: string): boolean {
  if ('exact' in match) return text === match.exact;
  if ('prefix' in match) return text.startsWith(match.prefix);
  if ('suffix' in match) return text.endsWith(match.suffix);
  return text !== '';
}

function identityOf(principal: string | undefined): { readonly namespace: string; readonly name: string } | undefined {
  if (principal === undefined) return undefined;
  const [, ns, namespace, sa, name, ...more] = principal.split('/');
  if (ns !== 'ns' || sa !== 'sa' || namespace === undefined || name === undefined || more.length > 0) {
    throw new Error(`${principal} is no identity that a certificate of the mesh could hold`);
  }
  return { namespace, name };
}

function contains({ address, length = 0 }: Address, ip: string): boolean {
  const bytes = [...Buffer.from(address, 'base64')];
  const family = bytes.length === 4 ? 'ipv4' : 'ipv6';
  if (ip.includes(':') !== (family === 'ipv6')) return false;
  const range = new BlockList();
  range.addSubnet(textOf(bytes), length, family);
  return range.check(ip, family);
}

function textOf(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const pairs = Array.from({ length: 8 }, (_, at) => (bytes[2 * at] ?? 0) * 256 + (bytes[2 * at + 1] ?? 0));
  return pairs.map((pair) => pair.toString(16)).join(':');
}
