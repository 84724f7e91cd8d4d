/** Metrics of our own: no label names an object. */
import type { Metrics } from '../../runtime/metrics.ts';

export interface OperatorMeasures {
  /** Milliseconds of one resolution of all that is watched. */
  readonly resolved: (ms: number) => void;
  /** `kind` of the answer, and milliseconds until it. */
  readonly published: (kind: string, ms: number) => void;
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function operatorMetrics(metrics: Metrics): OperatorMeasures {
  const resolution = metrics.histogram({
    name: 'resolution_seconds',
    help: 'How long it took to find out what all objects mean.',
    buckets: seconds,
  });
  const publication = metrics.histogram({
    name: 'publication_seconds',
    help: 'How long it took until the Envoys of a gateway had answered, by their answer.',
    labelNames: ['result'],
    buckets: seconds,
  });
  return {
    resolved: (ms) => resolution.observe(ms / 1000),
    published: (result, ms) => publication.observe({ result }, ms / 1000),
  };
}
