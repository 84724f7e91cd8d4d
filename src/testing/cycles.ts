/** Cycles of a graph given as node → nodes it points to; targets that are no node are ignored. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const cycles: (readonly string[])[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): void => {
    const begin = path.indexOf(node);
    if (begin >= 0) cycles.push(fromSmallest(path.slice(begin)));
    if (begin >= 0 || done.has(node)) return;
    path.push(node);
    for (const target of graph.get(node) ?? []) if (graph.has(target)) visit(target);
    path.pop();
    done.add(node);
  };
  for (const node of [...graph.keys()].sort()) visit(node);
  return cycles;
}

/** So that a cycle reads the same wherever the search entered it. */
function fromSmallest(cycle: readonly string[]): readonly string[] {
  const smallest = cycle.indexOf([...cycle].sort()[0] ?? '');
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest)];
}
