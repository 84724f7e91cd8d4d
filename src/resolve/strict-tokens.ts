/** In a mesh every chain of a gateway knows the issuers of all, as Istio does of a workload's. */
import type { Chain, Uses } from '../ir/gateway.ts';
import type { Issuer } from '../ir/guard.ts';
import { compareText } from '../policy/attribute.ts';
import { sameMembers } from './memo.ts';

/** Remembers from call to call: a chain of which nothing changed is the same object. */
export function strictTokens(): (chains: readonly Chain[]) => readonly Chain[] {
  let issuers: readonly Issuer[] = [];
  let all: readonly Chain[] = [];
  let known = new WeakMap<Chain, Chain>();
  let uses = new WeakMap<Uses, Pick<Chain, 'uses' | 'refusing'>>();
  const tokensOf = (chain: Chain) => {
    const own = uses.get(chain.uses) ?? withIssuers(chain.uses, issuers);
    uses.set(chain.uses, own);
    return own;
  };
  return (chains) => {
    const united = issuersOf(chains);
    if (!sameMembers(issuers, united)) {
      issuers = united;
      known = new WeakMap();
      uses = new WeakMap();
    }
    const made = chains.map((chain) => {
      const strict = known.get(chain) ?? { ...chain, ...tokensOf(chain), strictTokens: true };
      known.set(chain, strict);
      return strict;
    });
    all = sameMembers(all, made) ? all : made;
    return all;
  };
}

/** Of every policy on any route of the gateway, Shadow ones too: each once, sorted by id. */
export function issuersOf(chains: readonly Pick<Chain, 'uses'>[]): readonly Issuer[] {
  const byId = new Map(chains.flatMap(({ uses }) => uses.issuers.map((issuer) => [issuer.id, issuer] as const)));
  return [...byId].toSorted(([a], [b]) => compareText(a, b)).map(([, issuer]) => issuer);
}

function withIssuers(uses: Uses, issuers: readonly Issuer[]): Pick<Chain, 'uses' | 'refusing'> {
  return { uses: { ...uses, issuers }, refusing: new Set(issuers.map(({ id }) => id)) };
}
