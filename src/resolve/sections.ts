/** What a targetRef's sectionName may be. */
import type { KubeObject } from '../kube/object.ts';

/** Names of the rules of a Route, of the listeners of an ApiGateway, or of the ports of a Service. */
export function sectionNames({ kind, spec }: KubeObject): readonly string[] {
  const lists = spec as
    | { readonly rules?: unknown; readonly listeners?: unknown; readonly ports?: unknown }
    | undefined;
  const list = kind === 'Service' ? lists?.ports : (lists?.rules ?? lists?.listeners);
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => {
    const name = typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined;
    return typeof name === 'string' ? [name] : [];
  });
}
