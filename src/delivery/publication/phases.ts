/**
 * From what an Envoy serves to what it shall serve, make-before-break (DESIGN §6). Pure. Within one phase Envoy takes
 * its files in an order of its own; between phases the delivery waits until each changed file is acknowledged.
 */
import type { EdgeFile } from '../../render/edge.ts';
import { unite } from './unite.ts';

export type PhaseName = 'all' | 'clusters' | 'listeners' | 'routes' | 'removals';

/** The whole content of the directory during the phase. */
export interface Phase {
  readonly name: PhaseName;
  readonly files: readonly EdgeFile[];
}

type Kind = EdgeFile['subscription']['kind'];

/** Of one file: what was, what shall be, and both at once. A file that only one side has is that side's in all three. */
interface Pair {
  readonly kind: Kind;
  readonly before: EdgeFile;
  readonly after: EdgeFile;
  readonly both: () => EdgeFile;
  /** Whether Envoy has a reader for it already; a new one reads nothing until a listener asks for it. */
  readonly read: boolean;
}

/** THE order. */
const steps: readonly {
  readonly name: PhaseName;
  readonly file: (pair: Pair, addsHosts: boolean) => EdgeFile | undefined;
}[] = [
  // A route to a cluster that is not there answers 503: new clusters come before the routes that name them, and old
  // ones stay until no route does.
  {
    name: 'clusters',
    file: (pair, addsHosts) => {
      if (pair.kind === 'cds') return pair.both();
      if (pair.kind === 'rds' && addsHosts) return pair.after;
      return pair.read ? pair.before : undefined;
    },
  },
  // A route that names a requirement or a limit that its listener does not know is refused with 403, or not limited:
  // filters learn new ones before the routes, and keep the old ones until the routes are through. New listeners warm
  // with all of their own files before they serve; old ones serve until then. Certificates are told to the listeners.
  {
    name: 'listeners',
    file: (pair, addsHosts) => {
      if (pair.kind === 'rds') return addsHosts ? pair.after : pair.before;
      return pair.kind === 'sds' ? pair.after : pair.both();
    },
  },
  // All that a route can name is there: each table is swapped as a whole.
  { name: 'routes', file: (pair) => (pair.kind === 'rds' || pair.kind === 'sds' ? pair.after : pair.both()) },
];

/** `previous` is what Envoy has acknowledged last, or undefined where it starts with the files in place. */
export function planPhases(previous: readonly EdgeFile[] | undefined, next: readonly EdgeFile[]): readonly Phase[] {
  if (previous === undefined) return [{ name: 'all', files: next }];
  const pairs = pairsOf(previous, next);
  const addsHosts = onlyAddsHosts(pairs);
  const phases = [
    ...steps.map(({ name, file }) => ({ name, files: pairs.flatMap((pair) => file(pair, addsHosts) ?? []) })),
    // Nothing names the old clusters, listeners and keys any more: a revoked key ends here.
    { name: 'removals' as const, files: next },
  ];
  const steady = phases.filter(
    (phase, index) => !sameFiles(phase.files, (phases[index - 1] ?? { files: previous }).files),
  );
  const [first, second] = steady;
  const joined = first?.name === 'clusters' && second?.name === 'listeners' && isIndifferent(pairs);
  return joined ? steady.slice(1) : steady;
}

/**
 * Whether the tables are as they were but for hosts that nobody served: these may come in the same moment as their
 * clusters. Until a cluster is there, its routes answer 404 (`cluster_not_found_response_code`), as the host did before.
 */
function onlyAddsHosts(pairs: readonly Pair[]): boolean {
  const filters = pairs.filter(({ kind }) => kind === 'ecds');
  const tables = pairs.filter(({ kind, before, after }) => kind === 'rds' && before.hash !== after.hash);
  return filters.every(isSame) && tables.every(({ read, before, after }) => read && addsHosts(before, after));
}

function isSame({ read, before, after }: Pair): boolean {
  return read && before.hash === after.hash;
}

/** A file that was read back does not know its hosts. */
function addsHosts({ hosts: old }: EdgeFile, { hosts: fresh }: EdgeFile): boolean {
  if (old === undefined || fresh === undefined) return false;
  for (const [domain, host] of old) if (fresh.get(domain) !== host) return false;
  return [...fresh.keys()].every((domain) => old.has(domain) || !isServed(domain, old));
}

/** By a wildcard, if by anything: the most specific one answers, and its 404 is as good as any. */
function isServed(domain: string, hosts: NonNullable<EdgeFile['hosts']>): boolean {
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    const wildcard = hosts.get(`*${domain.slice(dot)}`);
    if (wildcard !== undefined) return wildcard.misdirected || wildcard.entries.length > 0;
  }
  const any = hosts.get('*');
  return any !== undefined && (any.misdirected || any.entries.length > 0);
}

/**
 * Whether filters may learn of what is new in the same moment as the clusters come: a pod takes up one phase a second at
 * best, because its kubelet looks at its containers before each sync. Not where a listener or a filter needs one of them.
 */
function isIndifferent(pairs: readonly Pair[]): boolean {
  return pairs.every(({ kind, read, before, after }) => {
    if (kind === 'cds' || kind === 'rds' || before.hash === after.hash) return read;
    if (kind !== 'ecds') return false;
    const known = clustersIn(before);
    return read && [...clustersIn(after)].every((name) => known.has(name));
  });
}

function clustersIn(file: EdgeFile): ReadonlySet<string> {
  return new Set([...file.text('').matchAll(/"cluster":("(?:[^"\\]|\\.)*")/g)].map(([, name]) => name ?? ''));
}

/**
 * Back from a phase that Envoy refused. Until the routes phase nothing serves by the new files; after it, routes go back
 * first, while all that either side's routes name is still there.
 */
export function planWithdrawal(refused: Phase, good: readonly EdgeFile[]): readonly Phase[] {
  const last: Phase = { name: 'removals', files: good };
  if (refused.name !== 'routes') return [last];
  const byName = new Map(good.map((file) => [file.name, file]));
  const files = refused.files.map((file) =>
    file.subscription.kind === 'rds' ? (byName.get(file.name) ?? file) : file,
  );
  return [{ name: 'routes', files }, last];
}

function pairsOf(previous: readonly EdgeFile[], next: readonly EdgeFile[]): readonly Pair[] {
  const before = new Map(previous.map((file) => [file.name, file]));
  const after = new Map(next.map((file) => [file.name, file]));
  return [...new Map([...before, ...after]).keys()].flatMap((name) => {
    const old = before.get(name);
    const fresh = after.get(name);
    const either = old ?? fresh;
    if (either === undefined) return [];
    let united: EdgeFile | undefined;
    const both = () => {
      united ??= old === undefined || fresh === undefined ? either : unite(old, fresh);
      return united;
    };
    const pair: Pair = {
      kind: either.subscription.kind,
      before: either,
      after: fresh ?? either,
      both,
      read: old !== undefined,
    };
    return [pair];
  });
}

function sameFiles(left: readonly EdgeFile[], right: readonly EdgeFile[]): boolean {
  if (left.length !== right.length) return false;
  const hashes = new Map(left.map(({ name, hash }) => [name, hash]));
  return right.every(({ name, hash }) => hashes.get(name) === hash);
}
