/** jest's globalTeardown: ends the cluster that tests have used, also when they failed. */
import { existsSync } from 'node:fs';
import type { Cluster } from './cluster.ts';
import { places } from './local/places.ts';
import { takeEnds, taken } from './shared.ts';

export default async function teardown(): Promise<void> {
  const cluster = await taken<Promise<Cluster>>()?.catch(() => undefined); // the tests have told why there is none
  try {
    for (const act of takeEnds()) await act();
  } finally {
    await cluster?.stop();
  }
  // A test in a jest worker took its cluster along, all but the folder.
  if (!existsSync(places().folder)) return;
  const { removeDead } = await import('./local/start.ts');
  await removeDead();
}
