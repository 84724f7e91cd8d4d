/** Gateways in a mesh learn whose tokens the workloads behind them take: their routes take the same. */
import { type AcceptedIssuers, requirementAt, type TokenRequirement } from '../../ir/accepted-tokens.ts';
import type { Chain, Gateway, Uses, VirtualHost } from '../../ir/gateway.ts';
import type { Issuer } from '../../ir/guard.ts';
import type { Mesh, MeshWorkload } from '../../ir/mesh.ts';
import { keyOf, type ObjectKey } from '../../kube/object.ts';
import { compareText } from '../../policy/attribute.ts';
import { refusingIssuers } from '../known-issuers.ts';
import { changedKeys, rememberLast, sameMembers } from '../memo.ts';

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
  let last: Mesh['workloads'] = new Map();
  return (workloads) => {
    const isMoved = changedKeys(last, workloads).some((key) => !acceptAlike(last.get(key), workloads.get(key)));
    last = workloads;
    if (!isMoved) return before;
    const entries = [...workloads.values()].flatMap(({ namespace, services, settings, issuers }) =>
      settings.enforcement === 'Enforce' && issuers.length > 0
        ? services.map((service) => [keyOf(namespace, service), issuers] as const)
        : [],
    );
    before = new Map(entries.map(([key, issuers]) => [key, kept(before.get(key), issuers, idOf)]));
    return before;
  };
}

function acceptAlike(a: MeshWorkload | undefined, b: MeshWorkload | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.settings.enforcement === b.settings.enforcement &&
    sameMembers(a.services, b.services) &&
    sameMembers(a.issuers.map(idOf), b.issuers.map(idOf))
  );
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
  const acceptedBy = rememberLast(acceptedBehind);
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
    const behind = acceptedBy(chain.uses.backends, accepted);
    if (!sameEntries(issuers, behind)) issuers = behind;
    requirements = kept(requirements, requirementsOf(chain.virtualHosts, issuers), requirementKey);
    if (requirements.length === 0) return chain;
    return whole(chain, uses(chain.uses, requirements), issuers, requirements);
  };
}

function acceptedBehind(backends: Uses['backends'], accepted: AcceptedIssuers): AcceptedIssuers {
  const keys = new Set(backends.map(({ namespace, service }) => keyOf(namespace, service)));
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
  let known = new WeakMap<VirtualHost, Requirements>();
  let last: AcceptedIssuers | undefined;
  return rememberLast((hosts, accepted) => {
    if (last !== accepted) known = new WeakMap();
    last = accepted;
    const all = new Map<string, TokenRequirement>();
    for (const host of hosts) {
      const own = known.get(host) ?? requirementsAt(host, accepted);
      known.set(host, own);
      for (const [key, requirement] of own) all.set(key, requirement);
    }
    return [...all].toSorted(([a], [b]) => compareText(a, b)).map(([, requirement]) => requirement);
  });
}

/** By their keys. */
type Requirements = ReadonlyMap<string, TokenRequirement>;

function requirementsAt({ entries }: VirtualHost, accepted: AcceptedIssuers): Requirements {
  const all = entries.flatMap((entry) => requirementAt(entry, accepted) ?? []);
  return new Map(all.map((requirement) => [requirementKey(requirement), requirement]));
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
