/** Every file that is written from what is measured, as text. */
import { metricsPage } from './metrics-page.ts';

/** Path from the root of the repository -> text. */
export function observabilityFiles(): ReadonlyMap<string, string> {
  return new Map([['docs/reference/metrics.md', metricsPage()]]);
}
