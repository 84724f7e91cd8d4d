/**
 * All members of the lists. Where only one list holds any, it is that list: most rules have one match, most Routes no
 * finding, and a copy of each would be kept for as long as the Route is there.
 */
export function joined<T>(lists: readonly (readonly T[])[]): readonly T[] {
  let only: readonly T[] | undefined;
  let several = false;
  for (const list of lists) {
    if (list.length === 0) continue;
    several ||= only !== undefined;
    only = list;
  }
  return several ? ([] as readonly T[]).concat(...lists) : (only ?? lists[0] ?? []);
}
