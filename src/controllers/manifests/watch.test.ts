import { appendFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ManifestSet } from './assemble.ts';
import { type ManifestWatch, type WatchOptions, watchManifests } from './watch.ts';

let root = '';
let open: ManifestWatch[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'watch-'));
});
afterEach(async () => {
  for (const watch of open) await watch.close();
  open = [];
  await rm(root, { recursive: true, force: true });
});

function route(name: string, spec = 'v: 0'): string {
  return `apiVersion: evengate.dev/v1alpha1\nkind: Route\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
}

/** `a={"v":0} b={"v":1} !2` : the Routes with their specs, and the number of problems. */
function state(set: ManifestSet): string {
  const routes = [...set.snapshot.Route.values()].map(
    ({ metadata, spec }) => `${metadata.name}=${JSON.stringify(spec)}`,
  );
  return [...routes.toSorted(), ...(set.problems.length === 0 ? [] : [`!${set.problems.length}`])].join(' ');
}

interface Follower {
  readonly watch: ManifestWatch;
  /** Every state since the start, without repetitions of one. */
  readonly states: string[];
  readonly changes: string[];
  readonly until: (expected: string) => Promise<void>;
}

/** The poll is off: events alone must do. */
const eventsOnly: WatchOptions = { pollMs: 3_600_000 };
/** A second look so late that a slow machine cannot turn a gap of some 30 ms into a real change. */
const patient: WatchOptions = { ...eventsOnly, settleMs: 500 };

async function follow(paths: readonly string[], options: WatchOptions = eventsOnly): Promise<Follower> {
  const states: string[] = [];
  const changes: string[] = [];
  const note = (set: ManifestSet): void => {
    if (states.at(-1) !== state(set)) states.push(state(set));
  };
  const watch = await watchManifests(
    paths,
    (set, changed) => {
      note(set);
      changes.push(...changed.map((path) => path.replace(`${root}/`, '')));
    },
    options,
  );
  open.push(watch);
  note(watch.current);
  const until = async (expected: string): Promise<void> => {
    const deadline = performance.now() + 20_000;
    while (state(watch.current) !== expected) {
      if (performance.now() > deadline) throw new Error(`wanted ${expected}, saw ${states.join(' | ')}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { watch, states, changes, until };
}

describe('watchManifests', () => {
  test('takes up a changed, an added and a removed file, and says which', async () => {
    await writeFile(join(root, 'a.yaml'), route('a'));
    const { until, states, changes } = await follow([root]);
    await writeFile(join(root, 'a.yaml'), route('a', 'v: 1'));
    await until('a={"v":1}');
    await writeFile(join(root, 'b.yaml'), route('b'));
    await until('a={"v":1} b={"v":0}');
    await rm(join(root, 'a.yaml'));
    await until('b={"v":0}');
    expect(states).toEqual(['a={"v":0}', 'a={"v":1}', 'a={"v":1} b={"v":0}', 'b={"v":0}']);
    expect(changes).toEqual(['a.yaml', 'b.yaml', 'a.yaml']);
  });

  test('a file that does not parse keeps its last good objects until it is mended', async () => {
    await writeFile(join(root, 'a.yaml'), `${route('a')}---\n${route('b')}`);
    const { until, states, watch } = await follow([root]);
    const before = watch.current.snapshot;
    await writeFile(join(root, 'a.yaml'), `${route('a', 'v: 1')}---\n${route('b')}x: [\n`);
    await until('a={"v":0} b={"v":0} !1');
    expect(watch.current.snapshot).toBe(before);
    await writeFile(join(root, 'a.yaml'), `${route('a')}---\n${route('b').replace('kind: Route', 'kind: Ruote')}`);
    await until('a={"v":0} b={"v":0}');
    expect(watch.current.findings.map(({ at }) => at)).toEqual(['kind']);
    await writeFile(join(root, 'a.yaml'), `${route('a', 'v: 1')}---\n${route('b')}`);
    await until('a={"v":1} b={"v":0}');
    expect(watch.current.findings).toEqual([]);
    expect(watch.current.snapshot.Route.get('default/b')).toBe(before.Route.get('default/b'));
    expect(states).toHaveLength(4);
  });

  test('a half-written file opens no gap', async () => {
    const path = join(root, 'a.yaml');
    const whole = `${route('a', 'v: 1')}---\n${route('b', 'v: 1')}`;
    await writeFile(path, `${route('a')}---\n${route('b')}`);
    const { until, states } = await follow([root], patient);
    for (const half of ['', whole.slice(0, 30), route('a', 'v: 1'), whole.slice(0, -4)]) {
      await writeFile(path, half);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    await appendFile(path, whole.slice(-4));
    await until('a={"v":1} b={"v":1}');
    expect(states).toEqual(['a={"v":0} b={"v":0}', 'a={"v":1} b={"v":1}']);
    await writeFile(path, '');
    await until('');
  });

  test('sees the renames of editors and of mounted ConfigMaps without a gap', async () => {
    await writeFile(join(root, 'a.yaml'), route('a'));
    const volume = join(root, 'volume');
    await mkdir(join(volume, '..1'), { recursive: true });
    await mkdir(join(volume, '..2'));
    await writeFile(join(volume, '..1/m.yaml'), route('m'));
    await writeFile(join(volume, '..2/m.yaml'), route('m', 'v: 1'));
    await symlink('..1', join(volume, '..data'));
    await symlink('..data/m.yaml', join(volume, 'm.yaml'));
    const { until, states } = await follow([root], patient);
    await writeFile(join(root, '.a.yaml.swp'), route('a', 'v: 1'));
    await rename(join(root, '.a.yaml.swp'), join(root, 'a.yaml'));
    await until('a={"v":1} m={"v":0}');
    await symlink('..2', join(volume, '..data_tmp'));
    await rename(join(volume, '..data_tmp'), join(volume, '..data'));
    await until('a={"v":1} m={"v":1}');
    // A backup by rename, as vim does it.
    await rename(join(root, 'a.yaml'), join(root, 'a.yaml~'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    await writeFile(join(root, 'a.yaml'), route('a', 'v: 2'));
    await until('a={"v":2} m={"v":1}');
    expect(states).toHaveLength(4);
  });

  test('notices new folders, also deep ones, and folders that go', async () => {
    const { until } = await follow([root]);
    await mkdir(join(root, 'x/y/z'), { recursive: true });
    await writeFile(join(root, 'x/y/z/a.yaml'), route('a'));
    await until('a={"v":0}');
    await writeFile(join(root, 'x/y/z/a.yaml'), route('a', 'v: 1'));
    await until('a={"v":1}');
    await rm(join(root, 'x'), { recursive: true });
    await until('');
  });

  test('follows a single file, also one behind a link, through its removal', async () => {
    await mkdir(join(root, 'far'));
    await writeFile(join(root, 'far/a.txt'), route('a'));
    await symlink('far/a.txt', join(root, 'link.yaml'));
    await writeFile(join(root, 'other.yaml'), route('other'));
    const { until } = await follow([join(root, 'link.yaml')]);
    await writeFile(join(root, 'far/a.txt'), route('a', 'v: 1'));
    await until('a={"v":1}');
    await rm(join(root, 'link.yaml'));
    await until('!1');
    await writeFile(join(root, 'link.yaml'), route('b'));
    await until('b={"v":0}');
  });

  test('the poll alone suffices', async () => {
    await writeFile(join(root, 'a.yaml'), route('a'));
    const { until } = await follow([root], { pollMs: 20, debounceMs: 3_600_000 });
    await writeFile(join(root, 'a.yaml'), route('a', 'v: 1'));
    await until('a={"v":1}');
  });

  test('says nothing after close', async () => {
    const { watch, changes } = await follow([root], { pollMs: 1 });
    await watch.close();
    await writeFile(join(root, 'a.yaml'), route('a'));
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(changes).toEqual([]);
  });
});
