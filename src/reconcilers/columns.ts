/** Small fields that statuses share. */
import type { KubeObject } from '../kube/object.ts';
import { cut } from '../status/conditions.ts';

/** The generation that a status was found for, where the object has one (a file has none). */
export function generationOf({ metadata: { generation } }: KubeObject): { readonly observedGeneration?: number } {
  return generation === undefined ? {} : { observedGeneration: generation };
}

/** The schema allows a printer column no more (`src/api/status.ts`). */
const longestColumn = 4096;

/** A printer column, left out where there is nothing to print. */
export function column<Name extends string>(name: Name, text: string): { readonly [K in Name]?: string } {
  return text === '' ? {} : ({ [name]: cut(text, longestColumn) } as { readonly [K in Name]?: string });
}

const mostNames = 3;

/** `a, b, c, +2` */
export function shorten(names: readonly string[]): string {
  const more = names.length - mostNames;
  return [...names.slice(0, mostNames), ...(more > 0 ? [`+${more}`] : [])].join(', ');
}
