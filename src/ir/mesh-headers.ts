/**
 * Headers by which proxies of a mesh tell each other of the caller: from outside they would be believed. `baggage` is W3C's,
 * and carries the caller's workload between them; what clients say in it is theirs to lose at a mesh's edge.
 */
export const meshHeaders: readonly string[] = [
  'baggage',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
  'x-forwarded-network',
  'x-istio-attributes',
  'x-istio-source',
];
