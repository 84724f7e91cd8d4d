/** What each `in.yaml` becomes in a cluster. UPDATE_GOLDEN=1 rewrites `children.yaml`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { ConfigMap } from '../../kube/core.ts';
import { type KubeObject, objectKey } from '../../kube/object.ts';
import type { Deployment } from '../../kube/workloads.ts';
import { resolver } from '../../resolve/resolve.ts';
import { readCase } from '../../testing/manifests.ts';
import { toYaml } from '../../testing/show.ts';
import { children } from '../workload.ts';

const root = fileURLToPath(new URL('./golden/', import.meta.url));

/** What of a child a case is about. */
type Shown = (child: KubeObject) => unknown;

const cases: Readonly<Record<string, Shown>> = {
  defaults: (child) => child,
  everything: ({ kind, metadata, ...child }) => {
    const { labels, annotations } = metadata;
    return ['NetworkPolicy', 'ConfigMap'].includes(kind) ? undefined : { labels, annotations, ...child };
  },
  autoscaled: (child) => {
    if (child.kind === 'Deployment') return scaleOf(child as Deployment);
    return ['HorizontalPodAutoscaler', 'PodDisruptionBudget', 'Service'].includes(child.kind) ? child.spec : undefined;
  },
  names: ({ kind, metadata }) =>
    ['ServiceAccount', 'ConfigMap', 'Deployment'].includes(kind) ? [metadata.name, metadata.labels] : undefined,
  sidecar: (child) => {
    if (child.kind === 'ConfigMap') return (child as ConfigMap).data;
    return child.kind === 'Deployment' ? (child as Deployment).spec.template : undefined;
  },
  ambient: (child) => {
    if (child.kind === 'NetworkPolicy') return child.spec;
    return child.kind === 'Deployment' ? meshOf(child as Deployment) : undefined;
  },
  certificates: (child) => {
    if (child.kind === 'Service') return child.spec;
    return child.kind === 'Deployment' ? mountsOf(child as Deployment) : undefined;
  },
};

function scaleOf({ spec }: Deployment): object {
  return { replicas: spec.replicas ?? 'not ours', resources: spec.template.spec.containers[0]?.resources };
}

function meshOf({ spec: { template } }: Deployment): object {
  return { ...template.metadata, initContainers: template.spec.initContainers ?? 'none' };
}

function mountsOf({ spec }: Deployment): object {
  const { volumes, containers } = spec.template.spec;
  return { volumes, mounts: containers[0]?.volumeMounts };
}

test.each(Object.entries(cases))('%s', (name, shown) => {
  const folder = join(root, name);
  const { gateways } = resolver()(readCase(join(folder, 'in.yaml')).snapshot);
  const found = [...gateways.values()].flatMap((gateway) => {
    const context = { owner: { uid: `uid of ${gateway.ref.name}` }, className: 'evengate', image: 'envoy:test' };
    return children(gateway, context).flatMap((child) => {
      const part = shown(child);
      return part === undefined ? [] : [[`${child.kind} ${objectKey(child)}`, masked(part)] as const];
    });
  });
  const text = toYaml(Object.fromEntries(found));
  const file = join(folder, 'children.yaml');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
});

/** Without what Envoy is told at its start: it has tests of its own. */
function masked(part: unknown): unknown {
  return JSON.parse(JSON.stringify(part), (key, value: unknown) =>
    key === 'bootstrap.json' || key === 'evengate.dev/bootstrap' ? '…' : value,
  );
}
