/** MeshWorkloads as tests write them: short YAML, constraints as sentences. */
import { parse } from 'yaml';
import type { Issuer } from '../ir/guard.ts';
import type { ClosedPort, MeshDecision, MeshRule, MeshSettings, MeshWorkload } from '../ir/mesh.ts';
import type { Labels } from '../kube/pods.ts';
import type { Attribute } from '../policy/attribute.ts';
import type { Constraint, Source } from '../policy/constraint.ts';
import { parsePathPattern, parsePattern } from '../policy/pattern.ts';

/** `orders 80 8080`: Service, port, target ports. */
type PortText = string;

interface RuleText {
  /** `shop/orders:readers`. */
  readonly by?: string;
  readonly ports?: readonly PortText[];
  /** `path in /a /b/*`, `header x-team not in a`, `claim realm/roles in admin`, `issuer in corp`. */
  readonly when?: readonly string[];
}

interface DecisionText {
  readonly allow?: readonly RuleText[];
  readonly deny?: readonly RuleText[];
}

export interface WorkloadText extends DecisionText {
  readonly services?: readonly string[];
  readonly selector?: Labels;
  readonly settings?: Partial<MeshSettings>;
  readonly closed?: readonly PortText[] | 'all';
  /** `iss` by id. */
  readonly issuers?: Readonly<Record<string, string>>;
  readonly shadow?: DecisionText;
}

export function readWorkload(yaml: string): MeshWorkload {
  return workload(parse(yaml) as WorkloadText);
}

/** Of namespace `shop`; a Sidecar's Service `orders` with port 80 on 8080, unless said otherwise. */
export function workload(text: WorkloadText): MeshWorkload {
  const services = text.services ?? ['orders'];
  const closed = text.closed ?? ['orders 80 8080'];
  return {
    key: `shop/${services[0] ?? ''}`,
    namespace: 'shop',
    services,
    selector: text.selector ?? { app: 'orders' },
    settings: { ...settings, ...text.settings },
    closed: closed === 'all' ? closed : closed.map(port),
    issuers: Object.entries(text.issuers ?? {}).map(issuer),
    decision: decision(text),
    ...(text.shadow === undefined ? {} : { shadow: decision(text.shadow) }),
  };
}

const settings: Omit<MeshSettings, 'identity'> = {
  mode: 'Sidecar',
  enforcement: 'Enforce',
  mtls: 'Strict',
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
  onLastPolicy: 'Keep',
  waypoint: undefined,
  enrol: false,
  revision: '',
  normalises: true,
};

function decision({ allow = [], deny = [] }: DecisionText): MeshDecision {
  return { allow: allow.map(rule), deny: deny.map(rule) };
}

function rule({ by, ports = [], when = [] }: RuleText): MeshRule {
  const sources = by === undefined ? [] : by.split('+').map(source);
  return { ports: ports.map(port), conjunction: { constraints: when.map(constraint), sources } };
}

function source(text: string): Source {
  const [, namespace = '', name = '', rule = ''] = /^([^/]+)\/([^:]+):(.+)$/.exec(text) ?? [];
  return { policy: { kind: 'AuthPolicy', namespace, name }, rule };
}

function port(text: PortText): ClosedPort {
  const [service = '', ...numbers] = text.split(' ');
  const [number = 0, ...targets] = numbers.map(Number);
  return { service, port: number, targets };
}

const publicKey = {
  kty: 'EC',
  crv: 'P-256',
  x: 'PCQr3eRRtuMrbQ_7OKLc-kbywvC8dv8d6rN2N1NqfZc',
  y: 'pI-xit6vTP70PxnziI7iNPRHtKoChrwXZ4pHJG87CgA',
};

function issuer([id, iss]: readonly [string, string]): Issuer {
  return { id, issuer: iss, keys: { kind: 'inline', jwks: JSON.stringify({ keys: [{ kid: id, ...publicKey }] }) } };
}

export function constraint(text: string): Constraint {
  const [, about = '', not, values = ''] = /^(.+?)( not)? in (.+)$/.exec(text) ?? [];
  const parsed = about === 'path' ? parsePathPattern : parsePattern;
  return { attribute: attribute(about), negated: not !== undefined, anyOf: values.split(' ').map(parsed) };
}

function attribute(text: string): Attribute {
  const [kind = '', name = ''] = text.split(' ');
  if (kind === 'header') return { kind, name };
  if (kind === 'claim') return { kind, path: name.split('/') };
  return { kind: kind as 'path' };
}
