/** What `kubectl get` prints. */

export type Row = Readonly<Record<string, string>>;

/** Rows of all its tables, without NAME and NAMESPACE, by them: `orders` or `shop/orders`. */
export function rowsOf(printed: string): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>();
  let starts: readonly (readonly [string, number])[] = [];
  for (const line of printed.split('\n')) {
    if (/^(NAMESPACE +)?NAME( |$)/.test(line)) {
      starts = [...line.matchAll(/\S+/g)].map((found) => [found[0], found.index]);
    } else if (line !== '') {
      const row = Object.fromEntries(
        starts.map(([name, start], index) => [name, line.slice(start, starts[index + 1]?.[1]).trim()]),
      );
      const { NAMESPACE, NAME = '', ...rest } = row;
      rows.set(NAMESPACE === undefined ? NAME : `${NAMESPACE}/${NAME}`, rest);
    }
  }
  return rows;
}
