/** Which files an Envoy did not take. */
import type { Acknowledgement } from '../envoy/acknowledge.ts';
import { type Content, filesOf, type Refusal, rootOf } from './content.ts';

/** Those that it refused; where it refused none, those that it did not take in time. */
export function refusalsOf(
  content: Content,
  { rejected, pending }: Exclude<Acknowledgement, { readonly acknowledged: true }>,
): readonly Refusal[] {
  const details = new Map(rejected.map(({ subscription, detail }) => [subscription, detail]));
  const blamed = new Set(details.size > 0 ? details.keys() : pending);
  return filesOf(content).flatMap((file) => {
    const root = rootOf(file);
    return blamed.has(root) ? [{ file, detail: details.get(root) ?? '' }] : [];
  });
}
