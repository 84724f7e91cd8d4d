/** A gateway as the files that its Envoys read: one a subscription, each with a hash of its content. */
import { types } from '../envoy/json.ts';
import { jwtAuthentication } from '../features/jwt/edge.ts';
import { localRateLimit } from '../features/limits/edge.ts';
import { filterNames } from '../features/names.ts';
import type { AcceptedTokens, Chain, Gateway, Uses, VirtualHost } from '../ir/gateway.ts';
import type { Placement } from '../ir/placement.ts';
import type { ObjectRef } from '../kube/object.ts';
import { clusters } from './cluster.ts';
import { compactTables } from './compact.ts';
import { composite, type Fragment, hashOf, leaf } from './fragment.ts';
import { listeners } from './listener.ts';
import { cdsFile, ecdsFile, ldsFile, rdsFile, sdsFile, secretName } from './names.ts';
import { discoveryResponse, tableResource } from './protobuf/response.ts';
import { routeTable, type Table } from './route-table.ts';

/** How Envoy's statistics call the reader of a file. */
export type Subscription =
  | { readonly kind: 'lds' | 'cds' }
  | { readonly kind: 'rds' | 'ecds' | 'sds'; readonly name: string };

export interface EdgeFile {
  /** `lds.json` */
  readonly name: string;
  readonly subscription: Subscription;
  /** Of the content; equal for equal bytes. */
  readonly hash: string;
  /** JSON of a DiscoveryResponse. */
  text(version: string): string;
  /** Of a route table: what became of each host, by domain; the same value while it is the same. */
  readonly hosts?: ReadonlyMap<string, Pick<VirtualHost, 'entries' | 'misdirected'>>;
  /** The same as protobuf, where the name ends in `.pb`: what Envoy has to be given then. */
  protobuf?(version: string): Uint8Array;
}

export interface Edge {
  readonly gateway: ObjectRef;
  /** Hash over all files. */
  readonly revision: string;
  readonly files: readonly EdgeFile[];
  /** TLS Secrets that the listeners need, as `<namespace>.<name>` folders of the placement's certificates. */
  readonly certificates: readonly ObjectRef[];
}

export type EdgeRenderer = (gateway: Gateway) => Edge;

/** Keep it: it remembers the fragments of what did not change. */
export function edgeRenderer(placement: Placement): EdgeRenderer {
  const tableOf = routeTable();
  const clustersOf = clusters(placement);
  const extensions = extensionsOf();
  const isCompact = compactTables(placement);
  return (gateway) => {
    const secrets = new Map(
      gateway.chains.flatMap(({ certificates }) =>
        certificates.map(({ secret }) => [secretName(secret), secret] as const),
      ),
    );
    const certificates = [...secrets].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, secret]) => secret);
    const tables = gateway.chains.map((chain) => {
      const table = tableOf(chain, gateway, (hosts) => isCompact(gateway.ref, chain.name, hosts));
      return { chain, table };
    });
    const compact = new Set(tables.flatMap(({ chain, table }) => (table.compact ? [chain.name] : [])));
    const files = [
      file(cdsFile, { kind: 'cds' }, clustersOf(gateway)),
      file(ldsFile, { kind: 'lds' }, listeners({ gateway, placement, compact }).map(leaf)),
      ...tables.flatMap(({ chain, table }) => [
        tableFile(chain, table),
        ...extensionFiles(chain.name, extensions(chain)),
      ]),
      ...certificates.map((secret) => sds(secret, placement)),
    ];
    return {
      gateway: gateway.ref,
      revision: revisionOf(files),
      files,
      certificates,
    };
  };
}

/** Of files in any order. */
export function revisionOf(files: readonly Pick<EdgeFile, 'name' | 'hash'>[]): string {
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return hashOf(sorted.flatMap(({ name, hash }) => [name, hash]));
}

function file(name: string, subscription: Subscription, resources: readonly Fragment[]): EdgeFile {
  const content = composite('"resources":[', resources, ']}\n');
  return {
    name,
    subscription,
    hash: content.hash,
    text: (version) => `{"version_info":${JSON.stringify(version)},${content.text()}`,
  };
}

function tableFile(chain: Chain, table: Table): EdgeFile {
  const hosts = new Map(chain.virtualHosts.map((host) => [host.domain, host]));
  const json = { ...file(rdsFile(chain.name, table.compact), { kind: 'rds', name: table.name }, [table]), hosts };
  if (!table.compact) return json;
  let resource: Uint8Array | undefined;
  return {
    ...json,
    protobuf: (version) => {
      resource ??= tableResource(table.parts);
      return discoveryResponse(version, resource);
    },
  };
}

function extensionFiles(chain: string, { jwt, limits }: Extensions): readonly EdgeFile[] {
  return [
    file(ecdsFile('jwt', chain), { kind: 'ecds', name: filterNames.jwt(chain) }, [jwt]),
    file(ecdsFile('limits', chain), { kind: 'ecds', name: filterNames.limits(chain) }, [limits]),
  ];
}

/** envoy.config.core.v3.TypedExtensionConfig */
function extension(name: string, typed_config: object): Fragment {
  return leaf({ '@type': types.extension, name, typed_config });
}

interface Extensions {
  readonly jwt: Fragment;
  readonly limits: Fragment;
}

interface Made extends Pick<Chain, 'name' | 'refusing'> {
  readonly requirements: AcceptedTokens['requirements'] | undefined;
}

/** The filters of a chain that are discovered by themselves, remembered while the chain uses the same. */
function extensionsOf(): (chain: Chain) => Extensions {
  const known = new WeakMap<Uses, Extensions & Made>();
  return (chain) => {
    const { name, uses, refusing, accepted } = chain;
    const requirements = accepted?.requirements;
    const before = known.get(uses);
    if (before?.name === name && before.refusing === refusing && before.requirements === requirements) return before;
    const jwt = extension(filterNames.jwt(name), jwtAuthentication(chain));
    const limits = extension(filterNames.limits(name), localRateLimit(uses.limits, uses.issuers));
    const made = { name, refusing, requirements, jwt, limits };
    known.set(uses, made);
    return made;
  };
}

/** The key stays where the Secret is mounted: Envoy reads it, and reads it again when it is rotated. */
function sds(secret: ObjectRef, placement: Placement): EdgeFile {
  const directory = `${placement.certificates}/${secretName(secret)}`;
  const { certificatesSwap: swap } = placement;
  const files = swap === undefined ? directory : `${directory}/${swap}`;
  const resource = {
    '@type': types.secret,
    name: secretName(secret),
    tls_certificate: {
      certificate_chain: { filename: `${files}/tls.crt` },
      private_key: { filename: `${files}/tls.key` },
      watched_directory: { path: directory },
    },
  };
  return file(sdsFile(secret), { kind: 'sds', name: secretName(secret) }, [leaf(resource)]);
}
