/** What the readers of watched objects hold: a reflector, or several as one. */
import type { ApiError } from '../kube/client.ts';
import type { KubeObject, ObjectKey } from '../kube/object.ts';
import type { Change } from './store.ts';

/** `since` is the clock's monotonic time of the last change of `kind` or `cause`. */
export type SourceState =
  /** The server has not answered yet. */
  | { readonly kind: 'starting'; readonly since: number }
  | { readonly kind: 'synced'; readonly since: number }
  /** It cannot list or watch now; what it holds, if anything, is old. */
  | { readonly kind: 'behind'; readonly since: number; readonly cause: BehindCause; readonly error: ApiError };

/** `missing`: the server does not know the resource type (its CRD is not installed). `forbidden`: RBAC. */
export type BehindCause = 'missing' | 'forbidden' | 'failing';

export type ChangeListener<T extends KubeObject> = (changes: readonly Change<T>[]) => void;

export interface Source<T extends KubeObject> {
  /** Immutable; the same Map until something changes. Empty until synced. */
  snapshot(): ReadonlyMap<ObjectKey, T>;
  get(key: ObjectKey): T | undefined;
  resourceVersionOf(key: ObjectKey): string | undefined;
  /** Everything was listed once; stays true. */
  readonly synced: boolean;
  /** Rejects with the signal's reason. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  readonly state: SourceState;
  /** Changes come in batches: of a list, of what arrived together. Returns how to stop listening. */
  onChange(listener: ChangeListener<T>): () => void;
  onState(listener: (state: SourceState) => void): () => void;
  /** Lists and watches until aborted; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}
