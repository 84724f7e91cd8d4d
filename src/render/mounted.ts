/** A gateway as its Pods can serve it: with the certificates that are mounted in them. */
import { z } from 'zod';
import type { Chain, Gateway } from '../ir/gateway.ts';
import { secretName, secretOfName } from './names.ts';

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

/**
 * The gateway, whose Services are dialled in clear text until every Pod has the mesh's certificate; once it was told
 * otherwise, that stays. A Service that has no Pod is dialled as it was before: its next Pods are expected to be like its last.
 *
 * @param mounted every Pod has the certificate
 */
export function withIdentity(gateway: Gateway, mounted: boolean, before: Gateway | undefined): Gateway {
  const { identities, ...others } = gateway;
  if (identities === undefined) return gateway;
  const old = before?.identities ?? new Map<string, readonly string[]>();
  if (!mounted && old.size === 0) return others;
  if ([...identities.values()].every(({ length }) => length > 0)) return gateway;
  const known = [...identities].map(([key, peers]) => [key, peers.length > 0 ? peers : old.get(key)] as const);
  return {
    ...gateway,
    identities: new Map(known.filter((one): one is [string, readonly string[]] => one[1] !== undefined)),
  };
}

/** By name of the chain. */
export type ChainCertificates = ReadonlyMap<string, Chain['certificates']>;

/**
 * The gateway, whose listeners keep the certificates that they had in `before` beside new ones, until every Envoy has
 * loaded all of the new ones: one that never comes closes nothing that was open.
 *
 * @param loaded secretName of what every Envoy has loaded
 */
export function withLoaded(gateway: Gateway, loaded: ReadonlySet<string>, before: ChainCertificates): Gateway {
  const chains = gateway.chains.map((chain) => {
    if (hasAll(chain, loaded)) return chain;
    const own = new Set(chain.certificates.map(({ secret }) => secretName(secret)));
    const kept = (before.get(chain.name) ?? []).filter(({ secret }) => !own.has(secretName(secret)));
    return kept.length === 0 ? chain : { ...chain, certificates: [...kept, ...chain.certificates] };
  });
  return chains.every((chain, index) => chain === gateway.chains[index]) ? gateway : { ...gateway, chains };
}

export function certificatesOf({ chains }: Gateway): ChainCertificates {
  return new Map(chains.map(({ name, certificates }) => [name, certificates]));
}

const found = z.object({
  resources: z.array(
    z.object({
      filter_chains: z
        .array(
          z.object({
            name: z.string(),
            transport_socket: z.object({
              typed_config: z.object({
                common_tls_context: z.object({
                  tls_certificate_sds_secret_configs: z.array(z.object({ name: z.string() })),
                }),
              }),
            }),
          }),
        )
        .catch([]),
    }),
  ),
});

/** Of the LDS file that an operator finds; none where it makes no sense. */
export function certificatesIn(listeners: string): ChainCertificates {
  const { data } = found.safeParse(parsed(listeners));
  const chains = (data?.resources ?? []).flatMap(({ filter_chains }) => filter_chains);
  return new Map(
    chains.map(({ name, transport_socket: { typed_config } }) => {
      const named = typed_config.common_tls_context.tls_certificate_sds_secret_configs;
      const secrets = named.flatMap((one) => secretOfName(one.name) ?? []);
      return [name, secrets.map((secret) => ({ secret }))];
    }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hasAll({ certificates }: Chain, mounted: ReadonlySet<string>): boolean {
  return certificates.every(({ secret }) => mounted.has(secretName(secret)));
}

function present({ certificates }: Chain, mounted: ReadonlySet<string>): Chain['certificates'] {
  return certificates.filter(({ secret }) => mounted.has(secretName(secret)));
}
