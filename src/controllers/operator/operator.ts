/** The operator: caches, the loop over them, and the controllers that write. */
import type { ConfigMap, Secret } from '../../kube/core.ts';
import { resources } from '../../kube/resources.ts';
import type { Component } from '../../runtime/component-group.ts';
import { NamedObjects } from '../../runtime/named-objects.ts';
import { assemble } from './assemble.ts';
import { type Caches, openCaches } from './caches.ts';
import { operatorMetrics } from './metrics.ts';
import type { Named, OperatorOptions } from './options.ts';

/** For a Manager. */
export function operatorComponents(options: OperatorOptions): readonly Component[] {
  const caches = openCaches(options);
  const named = openNamed(options);
  const { configMaps, secrets } = named;
  return [
    ...caches.components,
    { name: 'named configmaps', run: (stop) => configMaps.run(stop) },
    ...(secrets === undefined ? [] : [{ name: 'named secrets', run: (stop: AbortSignal) => secrets.run(stop) }]),
    operator(options, caches, named),
  ];
}

function openNamed({ client, clock, log, readSecrets }: OperatorOptions): Named {
  const shared = { client, clock, log: log.child({ logger: 'cache' }) };
  return {
    configMaps: new NamedObjects<ConfigMap>({ ...shared, type: resources.ConfigMap }),
    secrets: readSecrets ? new NamedObjects<Secret>({ ...shared, type: resources.Secret }) : undefined,
  };
}

/** Its parts are made anew for each leadership: nothing of an earlier one is believed. */
function operator(options: OperatorOptions, caches: Caches, named: Named): Component {
  const measure = operatorMetrics({ ...options, sources: caches.sources });
  return {
    name: 'operator',
    needsLeadership: true,
    async run(stop, cut) {
      const { loop, edges, runs, unlisten, led } = assemble({ ...options, caches, named, measure });
      measure.leads(led);
      loop.start();
      try {
        await Promise.all(runs.map((one) => one.run(stop, cut)));
      } finally {
        loop.stop();
        measure.leads(undefined);
        for (const end of unlisten) end();
      }
      await edges.idle();
    },
  };
}
