/** Metrics of Envoy that dashboards and alerts use, under the names that its Prometheus text gives them. */
import type { Declaration } from '../runtime/metric-list.ts';

export const envoyMetrics: readonly Declaration[] = [];
