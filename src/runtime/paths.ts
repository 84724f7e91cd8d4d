/** Where the API server keeps a resource. */
import { ApiError, type ListOptions, type ObjectName, type ResourceType } from '../kube/client.ts';

/** `/apis/evengate.dev/v1alpha1/namespaces/shop/routes`; without a namespace, of all namespaces. */
export function collectionPath({ group, version, plural, namespaced }: ResourceType, namespace?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const within = namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
  return `${root}${within}/${plural}`;
}

export function objectPath(type: ResourceType, { namespace, name }: ObjectName, subresource?: string): string {
  const path = `${collectionPath(type, namespace)}/${segment(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** A URL with one of these would address another thing than was meant. */
const noNames = new Set(['', '.', '..']);

function segment(name: string): string {
  if (!noNames.has(name)) return encodeURIComponent(name);
  throw new ApiError(`${JSON.stringify(name)} is no name of an object or a namespace`, { reason: 'Invalid' });
}

/** Of one object. Names may come from what users write: none of them may add a requirement. */
export function byName(name: string): string {
  return `metadata.name=${name.replaceAll(/[\\,=]/g, '\\$&')}`;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The path with those parameters that have a value. */
export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}

export function selectors({ labelSelector, fieldSelector }: ListOptions): Query {
  return { labelSelector, fieldSelector };
}
