/** `route/orders`, as kubectl writes it. */
import { kinds } from '../api/kinds.ts';
import { closest } from '../controllers/manifests/wording.ts';

export interface ObjectName {
  readonly kind: 'ApiGateway' | 'Route' | 'AuthPolicy' | 'RateLimitPolicy';
  readonly name: string;
}

/** A sentence says what cannot be read. */
export function readObjectName(written: string): ObjectName | string {
  const slash = written.indexOf('/');
  const [word, name] = slash < 0 ? [written, ''] : [written.slice(0, slash), written.slice(slash + 1)];
  const plain = word.toLowerCase().replace(/\..*$/, '');
  const found = kinds.find(({ singular, plural, shortNames }) => [singular, plural, ...shortNames].includes(plain));
  if (found === undefined) {
    const names = kinds.map(({ singular }) => singular);
    const meant = closest(word, names);
    const known = meant === undefined ? `one of ${names.join(', ')}` : meant;
    return `there is no kind ${JSON.stringify(word)}; write ${known}, a slash and a name, such as route/orders`;
  }
  if (name === '') return `${JSON.stringify(written)} names no object; write ${found.singular}/NAME`;
  return { kind: found.kind as ObjectName['kind'], name };
}
