/** Which files an Envoy did not take. */
import type { Acknowledgement } from '../envoy/acknowledge.ts';
import { type Content, expectedOf, type Refusal, rootOf } from './content.ts';

/** Those that it refused; where it refused none, those that it did not take in time. */
export function refusalsOf(
  content: Content,
  { rejected, pending }: Exclude<Acknowledgement, { readonly acknowledged: true }>,
): readonly Refusal[] {
  const details = new Map(rejected.map(({ subscription, detail }) => [subscription, detail]));
  const blamed = new Set(details.size > 0 ? details.keys() : pending);
  const expected = expectedOf(content);
  return [...content.values()].flatMap(({ file, version }) => {
    const root = rootOf(file);
    // A table that moves to another file shares its reader's name with the one that nobody reads any more.
    return blamed.has(root) && expected.get(root) === version ? [{ file, detail: details.get(root) ?? '' }] : [];
  });
}
