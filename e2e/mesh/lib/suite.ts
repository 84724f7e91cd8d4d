/** What every test of the mesh begins with. */
import { describe } from '@jest/globals';
import { requirePart } from '../../../src/testing/parts.ts';
import { clusterSuite } from '../../operator/lib/suite.ts';
import { goProgram, judges } from '../../tools/go-program.ts';

/** jest's `describe`; skips, loudly, where there can be no mesh. */
export async function meshSuite(): Promise<typeof describe | typeof describe.skip> {
  const suite = await clusterSuite();
  if (suite === describe.skip) return suite;
  const program = await goProgram(judges.istioControl);
  if ('binary' in program) return suite;
  requirePart('istio', program.skip);
  return describe.skip;
}
