/** Worlds played through: what edge and mesh do not agree about. */
import { stringify } from 'yaml';
import type { KubeObject } from '../../kube/object.ts';
import { type Arena, type Judges, type Seen, type SeenInside, startArena } from './arena.ts';
import { type Context, compareInside, compareOutside, repeatsHeaders } from './compare.ts';
import type { World } from './worlds.ts';

export interface Difference {
  /** Index of the world. */
  readonly world: number;
  readonly request: Pick<World, 'outside' | 'inside'>;
  readonly sentence: string;
  readonly seen: Seen | SeenInside;
}

export interface Played {
  readonly differences: readonly Difference[];
  /** Reasons of those that are declared. */
  readonly declared: readonly string[];
  readonly tally: Tally;
}

/** How often each pair of answers was seen, `edge mesh`: that what is compared is worth it. */
export type Tally = Readonly<Record<string, number>>;

export async function play(worlds: readonly World[], judges: Judges): Promise<Played> {
  const arena = await startArena(worlds, judges);
  try {
    const parts = await Promise.all(worlds.map((world, index) => playOne(arena, { world, index, judges })));
    const tally: Record<string, number> = {};
    for (const key of parts.flatMap((part) => part.keys)) tally[key] = (tally[key] ?? 0) + 1;
    const declared = parts.flatMap((part) => part.declared);
    return { differences: parts.flatMap((part) => part.differences), declared, tally };
  } finally {
    await arena.stop();
  }
}

interface One {
  readonly world: World;
  readonly index: number;
  readonly judges: Judges;
}

async function playOne(arena: Arena, { world, index, judges }: One) {
  const differences: Difference[] = [];
  const keys: string[] = [];
  const reasons: string[] = [];
  for (const request of world.outside) {
    const seen = await arena.outside(index, request);
    if (judges.version === '1.37.0' && repeatsHeaders(seen)) continue;
    const service = (seen.edge.received ?? seen.open.received)?.service.split('/')[1] ?? '';
    const { difference, declared } = compareOutside(request, seen, contextOf(arena, index, service));
    keys.push(declared ?? `${seen.edge.received === undefined ? seen.edge.status : 'admitted'} ${seen.mesh ?? '-'}`);
    if (declared !== undefined) reasons.push(declared);
    if (difference !== undefined)
      differences.push({ world: index, request: { outside: [request], inside: [] }, sentence: difference, seen });
  }
  for (const request of world.inside) {
    const expected = arena.insideExpected(index, request);
    const seen = { expected, mesh: await arena.inside(index, request) };
    const { difference, declared } = compareInside(seen, contextOf(arena, index, request.service));
    keys.push(declared ?? `inside ${seen.expected} ${seen.mesh}`);
    if (declared !== undefined) reasons.push(declared);
    if (difference === undefined) continue;
    differences.push({ world: index, request: { outside: [], inside: [request] }, sentence: difference, seen });
  }
  return { differences, declared: reasons, keys };
}

function contextOf(arena: Arena, world: number, service: string): Context {
  return {
    reports: arena.reports(world, service),
    looksAtTokens: arena.looksAtTokens(world, service),
    mistakes: arena.mistakes(world),
    isOpaque: arena.isOpaque(world),
  };
}

const rounds = 30;
const atOnce = 24;

/** A smaller world with one request that still shows a difference: all candidates of a round share their Envoys. */
export async function shrink(world: World, { request, sentence }: Difference, judges: Judges): Promise<World> {
  let best: World = { ...world, ...request };
  for (let round = 0, from = 0; round < rounds; round += 1) {
    const candidates = [...smaller(best)];
    const tried = candidates.slice(from, from + atOnce);
    if (tried.length === 0) return best;
    const { differences } = await play(tried, judges);
    const found = differences.find((one) => one.sentence === sentence);
    from = found === undefined ? from + atOnce : 0;
    best = (found && tried[found.world]) ?? best;
  }
  return best;
}

/** With one object, one item of a list or one field less. */
function* smaller(world: World): Iterable<World> {
  for (const [index, object] of world.objects.entries()) {
    const others = world.objects.toSpliced(index, 1);
    if (object.kind !== 'Service') yield { ...world, objects: others };
  }
  for (const [index, object] of world.objects.entries()) {
    if (object.kind === 'Service') continue;
    const { spec } = object as KubeObject & { readonly spec: object };
    for (const less of reductions(spec)) {
      yield { ...world, objects: world.objects.toSpliced(index, 1, { ...object, spec: less } as KubeObject) };
    }
  }
}

/** Names that a smaller object cannot do without. */
const needed = new Set([
  'targetRefs',
  'listeners',
  'mesh',
  'parentRefs',
  'backendRefs',
  'name',
  'kind',
  'jwks',
  'issuer',
  'rules',
  'port',
  'protocol',
  'mode',
  'waypoint',
  'matches',
]);

function* reductions(value: unknown): Iterable<unknown> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (value.length > 1) yield value.toSpliced(index, 1);
      for (const less of reductions(item)) yield value.toSpliced(index, 1, less);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const { [key]: _, ...rest } = value as Readonly<Record<string, unknown>>;
      if (!needed.has(key) && Object.keys(rest).length > 0) yield rest;
      for (const less of reductions(member)) yield { ...rest, [key]: less };
    }
  }
}

/** As a file of `cases/`. */
export function caseText(world: World, sentence: string): string {
  return `# ${sentence}\n${stringify({ world }, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
