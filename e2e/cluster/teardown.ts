/** jest's globalTeardown: ends the cluster that tests have used, also when they failed. */
import type { Cluster } from './cluster.ts';
import { taken } from './shared.ts';

export default async function teardown(): Promise<void> {
  const cluster = await taken<Promise<Cluster>>()?.catch(() => undefined); // the tests have told why there is none
  await cluster?.stop();
}
