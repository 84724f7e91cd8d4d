/** What the writing parts of the server share. */
import type { Store } from './store.ts';
import type { Stored } from './stored.ts';
import type { ServedTypes } from './types.ts';

/** As if a kubelet had to answer: it takes this off when the Pod has ended. */
export const kubeletFinalizer = 'test/kubelet';

export interface World {
  readonly store: Store;
  readonly types: ServedTypes;
  /** RFC 3339 to the second. */
  readonly now: () => string;
  readonly uid: () => string;
  /** Why this object is refused, beyond what every server checks; empty for none. */
  readonly validate: (object: Stored, before: Stored | undefined) => readonly { field: string; message: string }[];
  /** Namespaces have to be created first. */
  readonly strictNamespaces: boolean;
  /** Deleted owners take their dependents along at once. */
  readonly garbageCollection: boolean;
  /** RFC 3339: until when a Pod that is deleted now is held for its kubelet; undefined where it goes at once. */
  readonly podsHeldUntil: () => string | undefined;
}
