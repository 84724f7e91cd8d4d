/** The cluster's control groups, in every hierarchy of a cgroup v1 machine or in the one of v2. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mounts = '/proc/self/mountinfo';

/** Made anew where it is missing; the kubelet asks for its root in all of them. */
export function makeCgroups(name: string): void {
  for (const path of cgroupFolders(name)) {
    mkdirSync(path, { recursive: true });
    // An empty cpuset takes no process, and a child's is empty at first (cgroup v1).
    for (const setting of ['cpuset.cpus', 'cpuset.mems']) {
      const file = join(path, setting);
      if (existsSync(file) && readFileSync(file, 'utf8').trim() === '')
        writeFileSync(file, readFileSync(join(path, '..', setting)));
    }
  }
}

/** PIDs in any of them. */
export function cgroupProcesses(name: string): readonly number[] {
  const lists = cgroupFolders(name).flatMap((path) =>
    below(path).map((folder) => readIfThere(join(folder, 'cgroup.procs'))),
  );
  return [...new Set(lists.flatMap((text) => text.split('\n').filter((line) => line !== '')))].map(Number);
}

/** Throws EBUSY while a process is in one. */
export function removeCgroups(name: string): void {
  for (const path of cgroupFolders(name)) for (const folder of below(path).toReversed()) rmdirSync(folder);
}

function cgroupFolders(name: string): readonly string[] {
  const lines = readFileSync(mounts, 'utf8').split('\n');
  // mountinfo (proc(5)): after the separator come type, source and the super block's options.
  const hierarchies = lines.flatMap((line) => {
    const [, , , root, point] = line.split(' ');
    const type = line.split(' - ')[1]?.split(' ')[0];
    return root === '/' && point !== undefined && (type === 'cgroup' || type === 'cgroup2') ? [point] : [];
  });
  return [...new Set(hierarchies)].map((point) => join(point, name));
}

/** The folder and all below it, parents first; nothing where there is none. */
function below(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const inner = readdirSync(folder, { withFileTypes: true, recursive: true });
  const paths = inner.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return [folder, ...paths.toSorted((left, right) => left.split('/').length - right.split('/').length)];
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
