/** Kubernetes, etcd, CoreDNS and pause, built from their Go modules and cached by the hash of ours. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { cacheFolder } from './places.ts';

const modules = join(import.meta.dirname, '..');
const programs = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-proxy',
  'kube-scheduler',
  'kubectl',
  'kubelet',
  'machine',
] as const;
export type Program = (typeof programs)[number] | 'coredns' | 'pause';

/** The path of each program. */
export type Binaries = Readonly<Record<Program, string>>;

/** Why Kubernetes cannot be built here, and is not cached either: one sentence with the remedy. */
export function whyNotBuilt(): string | undefined {
  const version = goVersion();
  if (globSync(`kubernetes-${sourceHash()}-${version ?? 'go*'}`, { cwd: cacheFolder() }).length > 0) return undefined;
  if (version === undefined)
    return 'there is no go command to build Kubernetes with; install Go, at least the version in e2e/cluster/kubernetes/go.mod';
  for (const module of ['kubernetes', 'dns']) {
    const listed = go(['list', '-m'], join(modules, module));
    if (listed.status === 0) continue;
    return `go cannot read e2e/cluster/${module}/go.mod: ${listed.stderr.trim().split('\n').at(-1)}; install the Go it names`;
  }
  return undefined;
}

/** Minutes the first time, and milliseconds from then on. `progress` gets a line before what takes long. */
export async function build(progress: (line: string) => void): Promise<Binaries> {
  const folder = folderOf(goVersion());
  if (!existsSync(folder)) {
    progress('compiling Kubernetes, once: 4 minutes on two idle cores');
    await buildInto(folder);
  }
  const path = (name: Program): string => join(folder, name);
  const entries = [...programs, 'coredns', 'pause'] as const;
  return Object.fromEntries(entries.map((name) => [name, path(name)])) as Binaries;
}

async function buildInto(folder: string): Promise<void> {
  mkdirSync(join(folder, '..'), { recursive: true });
  // Two runs may build at once, and neither may run half a program.
  const unfinished = mkdtempSync(`${folder}.unfinished-`);
  try {
    const version = kubernetesVersion();
    const [major = '', minor = ''] = version.replace('v', '').split('.');
    const set = (name: string, value: string) => `-X k8s.io/component-base/version.${name}=${value}`;
    const versions = [set('gitVersion', version), set('gitMajor', major), set('gitMinor', minor)].join(' ');
    await compile('kubernetes', ['-ldflags', `-s -w ${versions}`, '-o', join(unfinished, 'kubernetes'), '.']);
    await compile('kubernetes', ['-ldflags', '-s -w', '-o', join(unfinished, 'pause'), './pause']);
    await compile('dns', ['-ldflags', '-s -w', '-o', join(unfinished, 'coredns'), '.']);
    for (const program of programs) symlinkSync('kubernetes', join(unfinished, program));
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error; // the other run was faster
  }
}

/** At low priority, so that a machine in use stays usable. */
function compile(module: string, parameters: readonly string[]): Promise<void> {
  const all = ['-n', '5', 'go', 'build', '-trimpath', ...parameters];
  const child = spawn('nice', all, {
    cwd: join(modules, module),
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else
        reject(new Error(`e2e/cluster/${module} does not compile: ${output.trim().split('\n').slice(-20).join('\n')}`));
    });
  });
}

/** The cached programs; without Go those of any Go version will do. Throws where there is neither. */
function folderOf(version: string | undefined): string {
  const name = `kubernetes-${sourceHash()}`;
  if (version !== undefined) return join(cacheFolder(), `${name}-${version}`);
  const [cached] = globSync(`${name}-go*`, { cwd: cacheFolder() }).filter((found) => !found.includes('unfinished'));
  if (cached === undefined) throw new Error('there is no go command, and nothing is cached');
  return join(cacheFolder(), cached);
}

function sourceHash(): string {
  const hash = createHash('sha256');
  const paths = globSync(['kubernetes/**/{*.go,go.mod,go.sum}', 'dns/**/{*.go,go.mod,go.sum}'], { cwd: modules });
  for (const path of paths.sort()) hash.update(`${path}\n`).update(readFileSync(join(modules, path)));
  return hash.digest('hex').slice(0, 16);
}

/** As go.mod has it, such as `v1.35.4`. */
function kubernetesVersion(): string {
  const text = readFileSync(join(modules, 'kubernetes/go.mod'), 'utf8');
  const version =
    /^\s*k8s\.io\/kubernetes (v\S+)$/m.exec(text)?.[1] ?? /require k8s\.io\/kubernetes (v\S+)/.exec(text)?.[1];
  if (version === undefined) throw new Error('e2e/cluster/kubernetes/go.mod requires no k8s.io/kubernetes');
  return version;
}

/** Such as `go1.26.0`; undefined without Go. */
function goVersion(): string | undefined {
  const asked = go(['env', 'GOVERSION'], join(modules, 'kubernetes'));
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}

function go(parameters: readonly string[], cwd: string) {
  return spawnSync('go', parameters, { cwd, env: environment(), encoding: 'utf8' });
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' };
}
