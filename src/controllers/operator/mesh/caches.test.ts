import { afterEach, describe, expect, test } from '@jest/globals';
import { resources } from '../../../kube/resources.ts';
import { type OperatorRig, readyOf, rigPool } from '../../../testing/operator/rig.ts';
import { createAll, httpGateway, shop, shopGateway } from '../../../testing/operator/shop.ts';

const pool = rigPool();
afterEach(pool.stop);

const kinds = ['AuthorizationPolicy', 'RequestAuthentication', 'PeerAuthentication', 'Gateway'] as const;

/** Plurals that were listed, of Istio and Gateway API, and Pods of whomever. */
function asked({ api }: OperatorRig): readonly string[] {
  const meshed = new Set<string>(kinds.map((kind) => resources[kind].plural));
  const lists = api.requests.filter(
    ({ verb, resource, query }) =>
      verb === 'list' && (meshed.has(resource) || (resource === 'pods' && !query.has('labelSelector'))),
  );
  return [...new Set(lists.map(({ resource }) => resource))].toSorted();
}

describe('what is watched for a mesh', () => {
  test('nothing without a gateway in one, and all of it from then on', async () => {
    const rig = await pool.open();
    createAll(rig.api, shop());
    rig.start({ readSecrets: true });
    await rig.quiet();
    expect(asked(rig)).toEqual([]);
    rig.api.put(shopGateway({ mesh: { mode: 'Sidecar' } }));
    await rig.quiet();
    expect(asked(rig)).toEqual([
      'authorizationpolicies',
      'gateways',
      'peerauthentications',
      'pods',
      'requestauthentications',
    ]);
  });

  test('may be missing: the edge is served, and what comes later is watched', async () => {
    const rig = await pool.open();
    for (const kind of kinds) rig.api.unserve(resources[kind]);
    rig.api.create({ ...httpGateway, spec: { ...(httpGateway.spec as object), mesh: { mode: 'Ambient' } } });
    rig.start();
    await rig.quiet();
    expect(readyOf(rig.api.get(resources.ApiGateway, 'shop', 'edge'))).toBe('True Ready');
    for (const kind of kinds) rig.api.serve(resources[kind]);
    await rig.quiet(60_000);
    for (const kind of kinds) expect(rig.api.watches(resources[kind])).toHaveLength(1);
  });
});
