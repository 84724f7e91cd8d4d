/** What one operator has written for Istio, by the workload that it is about, whoever changed it since. */
import type { SecurityObject } from '../../../istio/security.ts';
import type { KubeObject, ObjectKey } from '../../../kube/object.ts';
import { keyOf, objectKey } from '../../../kube/object.ts';
import { resources } from '../../../kube/resources.ts';
import type { WorkloadState } from '../../../reconcilers/mesh.ts';
import { meshLabels, workloadLabel } from '../../../render/mesh.ts';
import type { MeshSources } from './caches.ts';

/** In the order of creation; deletion is the reverse. */
export const securityKinds = ['RequestAuthentication', 'AuthorizationPolicy', 'PeerAuthentication'] as const;
export type SecurityKind = (typeof securityKinds)[number];

export class Stored {
  readonly #className: string;
  readonly #byWorkload = new Map<ObjectKey, Map<string, SecurityObject>>();
  /** Which workload an object was last seen to be about. */
  readonly #workloads = new Map<string, ObjectKey>();
  readonly #unlisten: readonly (() => void)[];

  /** `onChange` is told of the workload, and of objects that are gone. */
  constructor(
    sources: Pick<MeshSources, SecurityKind>,
    className: string,
    onChange: (workload: ObjectKey, gone: KubeObject | undefined) => void,
  ) {
    this.#className = className;
    this.#unlisten = securityKinds.map((kind) => {
      for (const object of sources[kind].snapshot().values()) this.#take(object, false);
      return sources[kind].onChange((changes) => {
        for (const { kind: what, object } of changes) {
          const isGone = what === 'deleted';
          const about = new Set([this.#workloads.get(idOf(object)), this.#take(object, isGone)]);
          for (const workload of about) if (workload !== undefined) onChange(workload, isGone ? object : undefined);
        }
      });
    });
  }

  /** In no order. */
  of(workload: ObjectKey): readonly SecurityObject[] {
    return [...(this.#byWorkload.get(workload)?.values() ?? [])];
  }

  get workloads(): Iterable<ObjectKey> {
    return this.#byWorkload.keys();
  }

  get count(): number {
    return this.#byWorkload.size;
  }

  isOurs(object: KubeObject): boolean {
    const { labels } = object.metadata;
    return Object.entries(meshLabels(this.#className)).every(([name, value]) => labels?.[name] === value);
  }

  close(): void {
    for (const end of this.#unlisten) end();
  }

  #take(object: SecurityObject, isGone: boolean): ObjectKey | undefined {
    const id = idOf(object);
    const before = this.#workloads.get(id);
    if (before !== undefined) this.#drop(before, id);
    const { namespace = '', labels } = object.metadata;
    const name = labels?.[workloadLabel];
    if (isGone || name === undefined || !this.isOurs(object)) return undefined;
    const workload = keyOf(namespace, name);
    const known = this.#byWorkload.get(workload) ?? new Map<string, SecurityObject>();
    this.#byWorkload.set(workload, known.set(id, object));
    this.#workloads.set(id, workload);
    return workload;
  }

  #drop(workload: ObjectKey, id: string): void {
    const known = this.#byWorkload.get(workload);
    known?.delete(id);
    if (known?.size === 0) this.#byWorkload.delete(workload);
    this.#workloads.delete(id);
  }
}

export function idOf(object: KubeObject): string {
  return `${object.kind} ${objectKey(object)}`;
}

/** Why none of it can be read or written; undefined where it can, or soon will be. */
export function unreachable(sources: Pick<MeshSources, SecurityKind>): WorkloadState | undefined {
  for (const kind of securityKinds) {
    const { state } = sources[kind];
    const { plural, group } = resources[kind];
    if (state.kind !== 'behind' || state.cause === 'failing') continue;
    if (state.cause === 'forbidden') return { kind: 'refused', message: state.error.message.replace(/\.$/, '') };
    return { kind: 'missing', message: `the API server does not know ${plural}.${group}/v1` };
  }
  return undefined;
}
