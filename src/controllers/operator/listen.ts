/** Which event makes which key dirty. */
import { type KubeObject, type ObjectKey, objectKey, refOf } from '../../kube/object.ts';
import type { Source } from '../../runtime/source.ts';
import type { Caches } from './caches.ts';
import { type Children, childKinds } from './children.ts';
import type { Edges } from './edges.ts';
import type { Loop } from './loop.ts';
import type { MeshSources } from './mesh/caches.ts';
import type { Named } from './options.ts';
import { fleetKey, type Pods } from './pods.ts';
import { refKey } from './secrets.ts';

export interface Listening {
  readonly caches: Caches;
  readonly named: Named;
  readonly loop: Loop;
  readonly edges: Edges;
  readonly children: Children;
  readonly pods: Pods;
}

/** Returns how to stop. */
export function listen({ caches, named, loop, edges, children, pods }: Listening): readonly (() => void)[] {
  const { enqueue } = loop;
  const changed = () => loop.changed();
  const { own, Service, Namespace, ReferenceGrant } = caches;
  const world = [...Object.values(own), Service, Namespace, ReferenceGrant] as readonly Source<KubeObject>[];
  const ownKinds = childKinds.map((kind) =>
    caches.children[kind]?.onChange((changes) => {
      for (const { kind: what, object } of changes) {
        const gateway = ownerOf(object);
        if (what === 'deleted') children.forget(object);
        if (gateway === undefined) continue;
        if (kind === 'Service') loop.told();
        enqueue.fleet(gateway);
      }
    }),
  );
  const told = caches.told.onChange((changes) => {
    for (const { kind: what, key, object } of changes) {
      const gateway = ownerOf(object);
      if (gateway === undefined) continue;
      const version = what === 'deleted' ? undefined : caches.told.resourceVersionOf(key);
      edges.observe(gateway, object.metadata.name, version);
      enqueue.edge(gateway);
    }
  });
  pods.onChange((fleet) => {
    for (const object of own.ApiGateway.snapshot().values()) {
      if (fleetKey(refOf(object)) === fleet) enqueue.edge(objectKey(object));
    }
  });
  return [
    ...world.map((source) => source.onChange(changed)),
    ...followMesh(caches.mesh, changed),
    ...ownKinds.flatMap((end) => end ?? []),
    told,
    ...[named.configMaps, named.secrets ?? []].flat().flatMap((of) => [of.onState(changed), of.onChange(changed)]),
    () => pods.close(),
  ];
}

/** Also that it is missing, or there again. */
function followMesh(mesh: MeshSources, changed: () => void): readonly (() => void)[] {
  const sources = Object.values(mesh) as readonly Source<KubeObject>[];
  return sources.flatMap((source) => [source.onChange(changed), source.onState(changed)]);
}

function ownerOf({ metadata: { namespace = '', ownerReferences = [] } }: KubeObject): ObjectKey | undefined {
  const owner = ownerReferences.find(({ kind }) => kind === 'ApiGateway');
  return owner && refKey({ namespace, name: owner.name });
}
