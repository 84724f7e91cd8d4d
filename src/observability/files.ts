/** Every file that is written from what is measured, as text. */
import { apiOwner } from './dashboards/api-owner.ts';
import { dashboard } from './dashboards/grafana.ts';
import { platform } from './dashboards/platform.ts';
import { metricsPage } from './metrics-page.ts';

/** Path from the root of the repository -> text. */
export function observabilityFiles(): ReadonlyMap<string, string> {
  const dashboards = [platform, apiOwner].map((options) => {
    const text = `${JSON.stringify(dashboard(options), null, 2)}\n`;
    return [`charts/evengate/dashboards/${options.uid}.json`, text] as const;
  });
  return new Map([['docs/reference/metrics.md', metricsPage()], ...dashboards]);
}
