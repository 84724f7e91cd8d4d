/** What the rest of the code asks of an API server. `runtime` has the real one. */
import type { KubeObject } from './object.ts';

/** A resource as the API server addresses it; `group` is '' for core/v1. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** `namespace` is absent for cluster-scoped objects. */
export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

export interface ListOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Of each object its metadata alone (meta/v1 PartialObjectMetadata): for what is large, and read elsewhere. */
  readonly metadataOnly?: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ApplyOptions extends CallOptions {
  /** Take fields from other managers; without it a conflict is an ApiError of code 409. */
  readonly force?: boolean;
  readonly dryRun?: boolean;
  /** Answers with the metadata alone. */
  readonly metadataOnly?: boolean;
  /** Owner of the fields, where it is to be another one than us. */
  readonly fieldManager?: string;
}

export interface PatchOptions extends CallOptions {
  readonly subresource?: 'status' | 'scale';
  /** `merge` (RFC 7396) when absent; `json` is RFC 6902. */
  readonly as?: 'merge' | 'json';
}

/** Preconditions: the object is deleted only while it is the one that was meant. */
export interface DeleteOptions extends CallOptions {
  readonly uid: string;
  readonly resourceVersion?: string;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

/** Text of a path outside the usual verbs, such as a pod's log or its proxy. */
export interface TextRequest extends CallOptions {
  /** With its query: `/api/v1/namespaces/shop/pods/edge-0/log?tailLines=10`. */
  readonly path: string;
  readonly timeoutMs?: number;
}

/** Every call throws ApiError when the server refuses or cannot be reached; nothing is retried here but 429 and connection loss of reads. */
export interface Client {
  /** Undefined where there is none (404). */
  get<T extends KubeObject>(type: ResourceType, name: ObjectName, options?: CallOptions): Promise<T | undefined>;
  /** From etcd, not a cache; page by page. */
  list<T extends KubeObject>(type: ResourceType, options?: ListOptions & CallOptions): Promise<readonly T[]>;
  /** Server-side apply as our field manager. */
  apply<T extends KubeObject>(type: ResourceType, object: KubeObject, options?: ApplyOptions): Promise<T>;
  create<T extends KubeObject>(type: ResourceType, object: KubeObject, options?: CallOptions): Promise<T>;
  /** PUT: the object carries the resourceVersion that it replaces. */
  replace<T extends KubeObject>(type: ResourceType, object: KubeObject, options?: CallOptions): Promise<T>;
  patch<T extends KubeObject>(type: ResourceType, name: ObjectName, body: unknown, options?: PatchOptions): Promise<T>;
  /** False where there was none (404). */
  delete(type: ResourceType, name: ObjectName, options: DeleteOptions): Promise<boolean>;
  text(request: TextRequest): Promise<string>;
}

export interface Cause {
  readonly field: string;
  readonly reason: string;
  readonly message: string;
}

/** meta/v1 Status of a refusal, or why there was no answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 where no answer came. */
  readonly code: number;
  /** `NotFound`, `Conflict`, `Invalid`, …; `Timeout`, `Unreachable` and `Malformed` are ours. */
  readonly reason: string;
  readonly causes: readonly Cause[];
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: Partial<Pick<ApiError, 'code' | 'reason' | 'causes' | 'retryAfterMs'>> = {}) {
    super(message);
    this.code = details.code ?? 0;
    this.reason = details.reason ?? 'Unreachable';
    this.causes = details.causes ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}
