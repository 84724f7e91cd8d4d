/** The dependency rule and its small companions, checked over all of src (see ARCHITECTURE.md). */
import { posix } from 'node:path';
import { findCycles } from './cycles.ts';
import { readSource, type Source, type Use } from './source.ts';

export interface Violation {
  /** `src/ir/guard.ts:3` */
  readonly at: string;
  readonly rule: string;
}

/** A folder imports only from rows below its own; folders of one row are peers and do not import each other. */
const order: readonly (readonly string[])[] = [
  ['cli'],
  ['controllers'],
  ['delivery'],
  ['reconcilers'],
  ['resolve', 'render'],
  ['api'],
  ['features'],
  ['ir'],
  ['policy', 'schema'],
  ['status'],
  ['envoy', 'istio'],
  ['kube'],
];

/** Outside the order: runtime knows no kind of ours, so only those that wait and write, or tell of it, may hold it. */
const beside: Readonly<
  Record<string, { readonly imports: readonly string[]; readonly importedBy: readonly string[] }>
> = {
  runtime: { imports: ['kube'], importedBy: ['cli', 'controllers', 'observability'] },
  // Holds what was rendered for one side against what was rendered for the other, so it knows both and is known to neither.
  proof: {
    imports: [
      'reconcilers',
      'resolve',
      'render',
      'api',
      'features',
      'ir',
      'policy',
      'schema',
      'status',
      'envoy',
      'istio',
      'kube',
    ],
    importedBy: ['cli'],
  },
  // No part of a process: pages, rules and dashboards, written from what is measured.
  observability: { imports: ['controllers', 'runtime'], importedBy: [] },
};

/** Files directly in src, and which folders may import them. They may import anything but each other at will. */
const rootFiles: Readonly<Record<string, readonly string[]>> = {
  'main.ts': [],
  'operator.ts': ['main.ts'],
  'version.ts': ['main.ts', 'operator.ts', 'cli'],
};

const pureFolders = [
  'proof',
  'resolve',
  'render',
  'api',
  'features',
  'ir',
  'policy',
  'schema',
  'status',
  'reconcilers',
];
const impureUses = new Map([
  ['Date.now', 'asks the clock'],
  ['new Date', 'reads or asks a clock'],
  ['Date()', 'asks the clock'],
  ['performance.now', 'asks the clock'],
  ['Math.random', 'rolls dice'],
]);
const inputOutput =
  /^(node:)?(fs|http|https|http2|tls|dns|dgram|child_process|worker_threads|cluster|readline|timers)(\/|$)/;

const packageOwners: readonly { readonly name: string; readonly owner: RegExp }[] = [
  { name: '@dot-i/k8s-operator', owner: /^src\/operator\.ts$/ },
  { name: '@kubernetes/client-node', owner: /^src\/runtime\// },
  { name: 'undici', owner: /^src\/runtime\// },
  // Loaded where traces are wanted, so it takes memory and start-up of nobody else.
  { name: '@opentelemetry', owner: /^src\/runtime\/tracing-otlp\.ts$/ },
];

const MOST_LINES = 300;

/** Checks files given as path (`src/ir/guard.ts`) → text. Tests, and `testing`, may import anything. */
export function checkLayers(files: ReadonlyMap<string, string>): readonly Violation[] {
  const sources = new Map([...files].map(([path, text]) => [path, readSource(text)] as const));
  const own = [...sources].flatMap(([path, source]) => (isFree(path) ? [] : checkFile(path, source)));
  return [...own, ...checkCycles(sources)];
}

function isFree(path: string): boolean {
  return path.endsWith('.test.ts') || roomOf(path) === 'testing';
}

/** `ir` of `src/ir/guard.ts`, `main.ts` of `src/main.ts`. */
function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function checkFile(path: string, source: Source): readonly Violation[] {
  const violation = (line: number, rule: string): Violation => ({ at: `${path}:${line}`, rule });
  const placed = isPlaced(roomOf(path));
  return [
    ...(placed ? [] : [violation(1, `${roomOf(path)} has no place in the order; give it one in testing/layers.ts`)]),
    ...(source.lineCount > MOST_LINES ? [violation(MOST_LINES + 1, `a file has at most ${MOST_LINES} lines`)] : []),
    ...source.imports.flatMap((use) => importRules(path, use).map((rule) => violation(use.line, rule))),
    ...source.uses.flatMap((use) => useRules(path, use.name).map((rule) => violation(use.line, rule))),
  ];
}

function isPlaced(room: string): boolean {
  return rankOf(room) >= 0 || room in beside || room in rootFiles;
}

function rankOf(room: string): number {
  return order.findIndex((row) => row.includes(room));
}

function importRules(path: string, { name }: Use): readonly string[] {
  if (name === undefined) return ['import() takes a literal, or its target cannot be checked'];
  if (!name.startsWith('.')) return packageRules(path, name);
  const target = targetOf(path, name);
  if (!target.startsWith('src/')) {
    return roomOf(path) in rootFiles ? [] : [`imports ${target}: only files directly in src reach outside src`];
  }
  return [...roomRules(roomOf(path), roomOf(target)), ...featureRules(path, target)];
}

function targetOf(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier);
}

function packageRules(path: string, name: string): readonly string[] {
  const owned = packageOwners.find((entry) => name === entry.name || name.startsWith(`${entry.name}/`));
  const stranger = owned !== undefined && !owned.owner.test(path);
  return [
    ...(stranger ? [`imports ${name}: only ${owned.owner.source.replaceAll(/[\\^$]/g, '')} may`] : []),
    ...(isPure(path) && inputOutput.test(name) ? [`imports ${name}: ${roomOf(path)} is pure, so no I/O`] : []),
  ];
}

function roomRules(from: string, to: string): readonly string[] {
  if (from === to) return [];
  if (to === 'testing') return [`${from} imports testing: only tests may`];
  const importers = rootFiles[to] ?? (from in rootFiles ? undefined : beside[to]?.importedBy);
  if (importers !== undefined) {
    return importers.includes(from)
      ? []
      : [`${from} imports ${to}: ${importers.length > 0 ? `only ${importers.join(', ')}` : 'nobody'} may`];
  }
  if (from in rootFiles) return [];
  const only = beside[from]?.imports;
  if (only !== undefined)
    return only.includes(to) ? [] : [`${from} imports ${to}: it may import only ${only.join(', ')}`];
  if (rankOf(from) < rankOf(to)) return [];
  return [rankOf(from) === rankOf(to) ? `${from} imports ${to}: they are peers` : `${from} imports ${to}: wrong way`];
}

/** `http` of `src/features/http/edge.ts`; undefined for shared files directly in features and for all else. */
function featureOf(path: string): string | undefined {
  return /^src\/features\/([^/]+)\//.exec(path)?.[1];
}

function featureRules(path: string, target: string): readonly string[] {
  const [from, to] = [featureOf(path), featureOf(target)];
  if (from === undefined || to === undefined || from === to) return [];
  return [`feature ${from} imports feature ${to}: share it through a file directly in features`];
}

function isPure(path: string): boolean {
  return pureFolders.includes(roomOf(path));
}

function useRules(path: string, name: string | undefined): readonly string[] {
  const mayReadEnvironment = ['main.ts', 'operator.ts', 'cli'].includes(roomOf(path));
  if (name === 'process.env') {
    return mayReadEnvironment ? [] : ['process.env: only main.ts, operator.ts and cli read it; take it as an argument'];
  }
  const impurity = isPure(path) && name !== undefined ? impureUses.get(name) : undefined;
  return impurity === undefined ? [] : [`${name} ${impurity}: ${roomOf(path)} is pure`];
}

/** Over files; a cycle of folders without one of files would break the order, which importRules reports. */
function checkCycles(sources: ReadonlyMap<string, Source>): readonly Violation[] {
  const graph = new Map(
    [...sources]
      .filter(([path]) => !path.endsWith('.test.ts'))
      .map(([path, { imports }]) => {
        const relative = imports.flatMap(({ name }) => (name?.startsWith('.') ? [targetOf(path, name)] : []));
        return [path, relative] as const;
      }),
  );
  return findCycles(graph).map((cycle) => {
    const [first = '', second = first] = cycle;
    const line = sources.get(first)?.imports.find(({ name }) => name && targetOf(first, name) === second)?.line ?? 1;
    return { at: `${first}:${line}`, rule: `import cycle: ${[...cycle, first].join(' -> ')}` };
  });
}
