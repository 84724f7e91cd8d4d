/** Certificates that Ready Envoys could not load, of what is in place. Pure. */
import { type Content, secretOf } from '../publication/content.ts';
import type { Unusable } from './ask.ts';
import type { UnusableCertificate } from './contract.ts';

/** What is known of a Ready Envoy. */
export interface Lacking {
  /** Acknowledged last. */
  readonly serves?: Content;
  /** By file. */
  readonly unusable: ReadonlyMap<string, Unusable>;
}

export function unusableCertificates(ready: readonly Lacking[], content: Content): readonly UnusableCertificate[] {
  return [...content.values()].flatMap(({ file }) => {
    const found = ready.flatMap(({ unusable }) => unusable.get(file.name) ?? []);
    if (found.length === 0) return [];
    const details = [...new Set(found.map(({ detail }) => detail))].toSorted();
    const served = found.length < ready.length || found.some((one) => one.served);
    return [{ file: file.name, secret: secretOf(file), details, served }];
  });
}

/**
 * Files of those that some Envoys have taken, and others do not have. An Envoy that is told again of a Secret that is gone
 * keeps its certificate only until its listener is made anew, so they are not; those that lack it read it by themselves.
 */
export function dividedCertificates(ready: readonly Lacking[], content: Content): ReadonlySet<string> {
  const asked = ready.filter(({ serves }) => serves === content);
  const isDivided = (name: string) =>
    asked.some(({ unusable }) => !unusable.has(name)) &&
    asked.some(({ unusable }) => unusable.get(name)?.shown === false);
  return new Set([...content.keys()].filter(isDivided));
}
