/**
 * jest's sequencer for files that share one cluster: by path, the same on every machine. jest's own asks its cache, so that what
 * one file leaves to the next would depend on what ran before on that machine.
 */

interface File {
  readonly path: string;
}

export default class ByPath {
  sort<T extends File>(files: readonly T[]): readonly T[] {
    return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  shard<T extends File>(files: readonly T[]): readonly T[] {
    return files;
  }

  allFailedTests<T extends File>(files: readonly T[]): readonly T[] {
    return files;
  }

  cacheResults(): void {
    // What a run takes decides nothing.
  }
}
