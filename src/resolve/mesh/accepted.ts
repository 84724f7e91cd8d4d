/** Gateways in a mesh learn whose tokens the workloads behind them take: their routes take the same. */
import { type AcceptedIssuers, requirementAt, type TokenRequirement } from '../../ir/accepted-tokens.ts';
import type { Chain, Gateway, Uses, VirtualHost } from '../../ir/gateway.ts';
import type { Issuer } from '../../ir/guard.ts';
import type { Mesh } from '../../ir/mesh.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import { compareText } from '../../policy/attribute.ts';
import { refusingIssuers } from '../known-issuers.ts';
import { rememberLast, sameMembers } from '../memo.ts';

type Gateways = ReadonlyMap<ObjectKey, Gateway>;

/** Remembers from call to call: a gateway behind which the same tokens are taken is the same object. */
export function withAccepted(): (gateways: Gateways, workloads: Mesh['workloads']) => Gateways {
  const byService = acceptedIssuers();
  let made: ReadonlyMap<ObjectKey, ReturnType<typeof oneGateway>> = new Map();
  return rememberLast((gateways, workloads) => {
    const accepted = byService(workloads);
    const before = made;
    const meshed = [...gateways].filter(([, { mesh }]) => mesh !== undefined);
    made = new Map(meshed.map(([key]) => [key, before.get(key) ?? oneGateway()]));
    if (accepted.size === 0) return gateways;
    return new Map([...gateways].map(([key, gateway]) => [key, made.get(key)?.(gateway, accepted) ?? gateway]));
  });
}

/** Of workloads whose tokens Istio looks at. */
function acceptedIssuers(): (workloads: Mesh['workloads']) => AcceptedIssuers {
  let before: AcceptedIssuers = new Map();
  return rememberLast((workloads) => {
    const entries = [...workloads.values()].flatMap(({ namespace, services, settings, issuers }) =>
      settings.enforcement === 'Enforce' && issuers.length > 0
        ? services.map((service) => [keyOf(namespace, service), issuers] as const)
        : [],
    );
    before = new Map(entries.map(([key, issuers]) => [key, kept(before.get(key), issuers, idOf)]));
    return before;
  });
}

function oneGateway(): (gateway: Gateway, accepted: AcceptedIssuers) => Gateway {
  let made = new Map<string, ReturnType<typeof oneChain>>();
  let last: { readonly source: Gateway; readonly gateway: Gateway } | undefined;
  return (source, accepted) => {
    made = new Map(source.chains.map(({ name }) => [name, made.get(name) ?? oneChain()]));
    const all = source.chains.map((chain) => made.get(chain.name)?.(chain, accepted) ?? chain);
    if (last?.source === source && sameMembers(last.gateway.chains, all)) return last.gateway;
    const chains = last !== undefined && sameMembers(last.gateway.chains, all) ? last.gateway.chains : all;
    last = { source, gateway: sameMembers(source.chains, chains) ? source : { ...source, chains } };
    return last.gateway;
  };
}

function oneChain(): (chain: Chain, accepted: AcceptedIssuers) => Chain {
  let issuers: AcceptedIssuers = new Map();
  let requirements: readonly TokenRequirement[] = [];
  const requirementsOf = requirementsIn();
  const uses = rememberLast(usesWith);
  const refusing = rememberLast(refusingIssuers);
  const whole = rememberLast(
    (chain: Chain, own: Uses, of: AcceptedIssuers, all: readonly TokenRequirement[]): Chain => ({
      ...chain,
      uses: own,
      refusing: refusing(own),
      accepted: { issuers: of, requirements: all },
    }),
  );
  return (chain, accepted) => {
    const behind = acceptedBehind(chain, accepted);
    if (!sameEntries(issuers, behind)) issuers = behind;
    requirements = kept(requirements, requirementsOf(chain.virtualHosts, issuers), requirementKey);
    if (requirements.length === 0) return chain;
    return whole(chain, uses(chain.uses, requirements), issuers, requirements);
  };
}

function acceptedBehind({ uses }: Chain, accepted: AcceptedIssuers): AcceptedIssuers {
  const keys = new Set(uses.backends.map(({ namespace, service }) => keyOf(namespace, service)));
  return new Map(
    [...keys].flatMap((key) => {
      const issuers = accepted.get(key);
      return issuers === undefined ? [] : [[key, issuers] as const];
    }),
  );
}

function sameEntries(a: AcceptedIssuers, b: AcceptedIssuers): boolean {
  return a.size === b.size && [...a].every(([key, issuers]) => b.get(key) === issuers);
}

/** Of all entries, each once and sorted; those of a virtual host are remembered. */
function requirementsIn(): (hosts: readonly VirtualHost[], accepted: AcceptedIssuers) => readonly TokenRequirement[] {
  let known = new WeakMap<VirtualHost, readonly TokenRequirement[]>();
  let last: AcceptedIssuers | undefined;
  return rememberLast((hosts, accepted) => {
    if (last !== accepted) known = new WeakMap();
    last = accepted;
    return distinct(
      hosts.flatMap((host) => {
        const own = known.get(host) ?? distinct(host.entries.flatMap((entry) => requirementAt(entry, accepted) ?? []));
        known.set(host, own);
        return own;
      }),
    );
  });
}

function distinct(requirements: readonly TokenRequirement[]): readonly TokenRequirement[] {
  const byKey = new Map(requirements.map((requirement) => [requirementKey(requirement), requirement]));
  return [...byKey].toSorted(([a], [b]) => compareText(a, b)).map(([, requirement]) => requirement);
}

/** Their providers, and those that limits look for claims under. */
function usesWith(uses: Uses, requirements: readonly TokenRequirement[]): Uses {
  const all = [...requirements.flatMap(({ issuers }) => issuers), ...uses.issuers];
  const byId = new Map(all.map((issuer) => [issuer.id, issuer]));
  return { ...uses, issuers: [...byId.values()].toSorted((a, b) => compareText(a.id, b.id)) };
}

function requirementKey({ issuers, optional }: TokenRequirement): string {
  return [optional ? 'optional' : 'needed', ...issuers.map(idOf)].join(' ');
}

function idOf({ id }: Issuer): string {
  return id;
}

/** The list of before, where it says the same. */
function kept<T>(before: readonly T[] | undefined, now: readonly T[], key: (item: T) => string): readonly T[] {
  return before !== undefined && sameMembers(before.map(key), now.map(key)) ? before : now;
}
