/** What a request asks for, as RBAC's attributes name it. */
import type { IncomingHttpHeaders } from 'node:http';
import { noSuchResource, notAllowed, notFound } from './refusal.ts';
import type { ServedType, ServedTypes } from './types.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** RBAC's view. */
export interface Attributes {
  readonly verb: Verb;
  readonly group: string;
  /** Plural. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** Empty for lists, watches and creates. */
  readonly name: string;
}

export interface ApiRequest extends Attributes {
  readonly type: ServedType;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly userAgent: string;
  /** Without parameters. */
  readonly contentType: string;
  /** A server-side apply. */
  readonly apply: boolean;
  /** As it came. */
  readonly body: string;
}

export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const namespacedPath = /^\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?(?:\/(.+))?$/;
const plainPath = /^\/([^/]+)(?:\/([^/]+))?(?:\/(.+))?$/;
const ofNamespaces = ['status', 'finalize'];

interface Place {
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
}

/** Undefined for a path that is no resource's. Throws 404 for a namespaced one that asks for a cluster's. */
export function resourceRequest(raw: RawRequest, types: ServedTypes): ApiRequest | undefined {
  const { pathname, searchParams: query } = new URL(raw.url, 'http://localhost');
  const [, core, group = '', version = '', rest = ''] =
    /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))(\/.+)$/.exec(pathname) ?? [];
  if (rest === '') return undefined;
  const { namespace, plural, name, subresource } = placeOf(decodeURIComponent(rest));
  const type = types.find(group, core ?? version, plural);
  if (type === undefined) {
    const known = core !== undefined || types.all().some((other) => other.group === group);
    if (known) throw noSuchResource();
    return undefined;
  }
  if (namespace !== '' && !type.namespaced) throw notFound(type, name);
  const contentType = (raw.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  return {
    verb: verbOf(raw.method, name, query),
    group,
    resource: plural,
    subresource,
    namespace,
    name: name === '' ? selectedName(query) : name,
    type,
    method: raw.method,
    path: pathname,
    query,
    userAgent: raw.headers['user-agent'] ?? '',
    contentType,
    apply: raw.method === 'PATCH' && contentType.startsWith('application/apply-patch'),
    body: raw.body,
  };
}

/** As RBAC's resourceNames see a list or watch of one object. */
function selectedName(query: URLSearchParams): string {
  return /^metadata\.name==?([^,]+)$/.exec(query.get('fieldSelector') ?? '')?.[1] ?? '';
}

function placeOf(rest: string): Place {
  const [, namespace = '', plural = '', name = '', subresource = ''] = namespacedPath.exec(rest) ?? [];
  if (plural !== '' && !ofNamespaces.includes(plural)) return { namespace, plural, name, subresource };
  const [, kind = '', own = '', sub = ''] = plainPath.exec(rest) ?? [];
  return { namespace: '', plural: kind, name: own, subresource: sub };
}

function verbOf(method: string, name: string, query: URLSearchParams): Verb {
  if (name === '' && ['PUT', 'PATCH'].includes(method)) throw notAllowed();
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (['true', '1'].includes(query.get('watch') ?? '')) return 'watch';
      return name === '' ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete';
    default:
      throw notAllowed();
  }
}

/** RBAC's sentence. */
export function denial({ verb, group, resource, subresource, namespace }: Attributes, user: string): string {
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return `User "${user}" cannot ${verb} resource "${what}" in API group "${group}" ${scope}`;
}
