/** Sends traffic to Services, by weight. An invalid one answers 500 for its share; none at all answers 500. */
import type { ClusterWeight } from '../../envoy/route.ts';
import { type RouteParts, ruleFeature } from '../../ir/feature.ts';
import type { Backend } from '../../ir/gateway.ts';
import { headerEdits } from '../header-edits.ts';
import { clusterName, missingCluster } from '../names.ts';
import { resolveBackend, type WeightedBackend } from './resolve.ts';
import { type BackendRefSpec, backendRefsSchema } from './schema.ts';

export const backendRefs = ruleFeature<'backendRefs', readonly BackendRefSpec[], readonly WeightedBackend[]>({
  name: 'backendRefs',
  schema: backendRefsSchema,
  description:
    'Where requests go, by weight. A reference that cannot be used answers 500 for its share; an empty list answers 500; no ready endpoint answers 503.',
  example: [
    { name: 'orders', port: 80, weight: 90 },
    { name: 'orders-canary', port: 80, weight: 10 },
  ],
  resolve(specs, author, lookup) {
    const resolved = specs.map((spec, index) =>
      resolveBackend(spec, { about: author.about, at: `${author.at}[${index}]` }, lookup),
    );
    return {
      ok: true,
      value: resolved.map((each) => each.weighted),
      findings: resolved.flatMap((each) => each.findings),
    };
  },
  backends: (settings) => settings.flatMap(({ backend }) => (backend === undefined ? [] : [backend])),
  edge: (settings) => [forwardTo(settings.filter(({ weight }) => weight > 0))],
});

function forwardTo(shares: readonly WeightedBackend[]): RouteParts {
  // Envoy refuses a total weight of 0, and Gateway API wants 500 where nothing can be reached.
  if (shares.every(({ backend }) => backend === undefined)) return { answer: { direct_response: { status: 500 } } };
  const only = shares.length === 1 ? shares[0] : undefined;
  if (only?.backend !== undefined && only.requestHeaders === undefined && only.responseHeaders === undefined) {
    return { forward: { cluster: clusterName(only.backend) } };
  }
  return {
    forward: {
      weighted_clusters: { clusters: shares.map(clusterWeight) },
      ...(shares.some(({ backend }) => backend === undefined)
        ? { cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' as const }
        : {}),
    },
  };
}

function clusterWeight(share: WeightedBackend): ClusterWeight {
  return {
    name: nameOf(share.backend),
    weight: share.weight,
    ...(share.requestHeaders === undefined ? {} : headerEdits('request', share.requestHeaders)),
    ...(share.responseHeaders === undefined ? {} : headerEdits('response', share.responseHeaders)),
  };
}

function nameOf(backend: Backend | undefined): string {
  return backend === undefined ? missingCluster : clusterName(backend);
}
