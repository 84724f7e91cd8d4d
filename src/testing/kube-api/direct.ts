/** The same verbs as over HTTP, for tests that play users and other controllers; neither logged nor struck by faults. */
import type { ResourceType } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { type Backend, dispatch } from './dispatch.ts';
import { type Json, jsonOf } from './json.ts';
import { resourceRequest } from './request.ts';
import type { Stored } from './stored.ts';
import { type ServedTypes, typeId } from './types.ts';

export type Propagation = 'Background' | 'Foreground' | 'Orphan';

/** Every call throws the Refusal that a client would be answered with. */
export interface DirectAccess {
  get<T extends KubeObject>(type: ResourceType, namespace: string, name: string): T | undefined;
  list<T extends KubeObject>(type: ResourceType): readonly T[];
  create<T extends KubeObject>(object: KubeObject): T;
  /** Creates it or replaces all but its status, whatever is stored. */
  put<T extends KubeObject>(object: KubeObject): T;
  putStatus<T extends KubeObject>(object: KubeObject, status: unknown): T;
  /** RFC 7396. */
  patch<T extends KubeObject>(object: KubeObject, patch: unknown): T;
  /** Forced. */
  apply<T extends KubeObject>(object: KubeObject, manager: string): T;
  delete(object: KubeObject, propagation?: Propagation): void;
}

interface Place {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
}

interface Call {
  readonly method: string;
  readonly place: Place;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly query?: string;
  readonly subresource?: string;
}

export function directAccess(server: Backend & { readonly types: ServedTypes }): DirectAccess {
  const call = <T>(asked: Call) => jsonOf(called(server, asked)) as T;
  const placeOf = (object: KubeObject) => place(server.types, object);
  const stored = (at: Place) => storedAt(server, at);
  return {
    get: <T>(type: ResourceType, namespace: string, name: string) =>
      stored({ type, namespace, name }) as unknown as T | undefined,
    list: <T>(type: ResourceType) => storedOf(server, type) as readonly unknown[] as readonly T[],
    create: (object) => call({ method: 'POST', place: { ...placeOf(object), name: '' }, body: object }),
    put(object) {
      const at = placeOf(object);
      const before = stored(at);
      if (before === undefined) return call({ method: 'POST', place: { ...at, name: '' }, body: object });
      const { uid, resourceVersion } = before.metadata;
      const body = { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
      return call({ method: 'PUT', place: at, body });
    },
    putStatus(object, status) {
      const at = placeOf(object);
      return call({ method: 'PUT', place: at, body: { ...stored(at), status }, subresource: 'status' });
    },
    patch: (object, body) =>
      call({ method: 'PATCH', place: placeOf(object), body, contentType: 'application/merge-patch+json' }),
    apply(object, manager) {
      const query = `fieldManager=${manager}&force=true`;
      const contentType = 'application/apply-patch+yaml';
      return call({ method: 'PATCH', place: placeOf(object), body: object, contentType, query });
    },
    delete(object, propagation = 'Background') {
      call({ method: 'DELETE', place: placeOf(object), query: `propagationPolicy=${propagation}` });
    },
  };
}

function called(server: Backend & { readonly types: ServedTypes }, asked: Call): Json {
  const { method, place: at, query = '', contentType = 'application/json', subresource } = asked;
  const { group, version, plural, namespaced } = at.type;
  const prefix = group === '' ? '/api/v1' : `/apis/${group}/${version}`;
  const inside = namespaced ? `${prefix}/namespaces/${at.namespace}` : prefix;
  const path = [inside, plural, at.name, subresource].filter((part) => part !== undefined && part !== '').join('/');
  const headers = { 'content-type': contentType, 'user-agent': 'test/1.0' };
  const body = asked.body === undefined ? '' : JSON.stringify(asked.body);
  const request = resourceRequest({ method, url: `${path}?${query}`, headers, body }, server.types);
  if (request === undefined) throw new Error(`${path} is no resource`);
  return dispatch(server, request).body;
}

function place(types: ServedTypes, { apiVersion, kind, metadata }: KubeObject): Place {
  const type = types.ofKind(apiVersion, kind);
  if (type === undefined) throw new Error(`${apiVersion} ${kind} is not served`);
  return { type, namespace: metadata.namespace ?? '', name: metadata.name };
}

type Objects = Pick<Backend, 'store'> & { readonly types: ServedTypes };

function storedOf({ store, types }: Objects, type: ResourceType): readonly Stored[] {
  const served = types.all().find((known) => typeId(known) === typeId(type));
  return served === undefined ? [] : store.all(served);
}

function storedAt({ store, types }: Objects, { type, namespace, name }: Place): Stored | undefined {
  const served = types.all().find((known) => typeId(known) === typeId(type));
  return served && store.get(served, namespace, name);
}
