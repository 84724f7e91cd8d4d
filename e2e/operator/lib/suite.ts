/** What every test of the operator on a cluster begins with. */
import { describe } from '@jest/globals';
import { requirePart } from '../../../src/testing/parts.ts';
import { whyNoCluster } from '../../cluster/index.ts';

/** jest's `describe`; skips, loudly, where there can be no cluster. */
export async function clusterSuite(): Promise<typeof describe | typeof describe.skip> {
  const missing = await whyNoCluster();
  if (missing === undefined) return describe;
  requirePart('cluster', missing);
  return describe.skip;
}
