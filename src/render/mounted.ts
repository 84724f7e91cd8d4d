/** A gateway as its Pods can serve it: with the certificates that are mounted in them. */
import type { Chain, Gateway } from '../ir/gateway.ts';
import { secretName } from './names.ts';

/**
 * A Pod's mounts never change, so a new certificate comes with new Pods. Until all have it, its listener serves on with
 * what it had in `before`, or waits; everything else goes on. The gateway itself where nothing is missing.
 *
 * @param mounted secretName of what every Pod has; undefined where there is none to ask.
 */
export function withMounted(
  gateway: Gateway,
  mounted: ReadonlySet<string> | undefined,
  before: Gateway | undefined,
): Gateway {
  if (mounted === undefined || gateway.chains.every((chain) => hasAll(chain, mounted))) return gateway;
  const old = new Map((before?.chains ?? []).map((chain) => [chain.name, chain]));
  const chains = gateway.chains.flatMap((chain) => {
    if (hasAll(chain, mounted)) return [chain];
    const own = present(chain, mounted);
    const earlier = old.get(chain.name);
    const certificates = own.length > 0 || earlier === undefined ? own : present(earlier, mounted);
    return certificates.length === 0 ? [] : [{ ...chain, certificates }];
  });
  return { ...gateway, chains };
}

function hasAll({ certificates }: Chain, mounted: ReadonlySet<string>): boolean {
  return certificates.every(({ secret }) => mounted.has(secretName(secret)));
}

function present({ certificates }: Chain, mounted: ReadonlySet<string>): Chain['certificates'] {
  return certificates.filter(({ secret }) => mounted.has(secretName(secret)));
}
