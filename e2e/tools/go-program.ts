/** Programs in Go, of ours and of others: built on first use, and kept under the hash of their module and the Go that built it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { requirePart } from '../../src/testing/parts.ts';
import { cacheFolder } from '../cluster/local/places.ts';

const e2e = join(import.meta.dirname, '..');

export interface GoSource {
  /** Folder of the go.mod, below e2e/. */
  readonly module: string;
  /** The module's own when absent. */
  readonly package?: string;
  readonly tags?: string;
}

/** Of others, at the versions that the modules in this folder pin. */
export const tools = {
  helm: { module: 'tools/helm', package: 'helm.sh/helm/v4/cmd/helm' },
  kubeconform: { module: 'tools/kubeconform', package: 'github.com/yannh/kubeconform/cmd/kubeconform' },
  kustomize: { module: 'tools/kustomize', package: 'sigs.k8s.io/kustomize/kustomize/v5' },
  actionlint: { module: 'tools/actionlint', package: 'github.com/rhysd/actionlint/cmd/actionlint' },
  promtool: { module: 'tools/promtool', package: 'github.com/prometheus/prometheus/cmd/promtool' },
} as const satisfies Readonly<Record<string, GoSource>>;

/** Ours. Istio's with its own tags: without them the binaries are twice as large. */
export const judges = {
  crds: { module: 'crd-oracle' },
  objects: { module: 'charts/decoder' },
  gitops: { module: 'gitops/judge' },
  queries: { module: 'promql' },
  istio: { module: 'istio', package: './oracle', tags: 'vtprotobuf' },
  istioControl: { module: 'istio', package: './control', tags: 'vtprotobuf,disable_pgv' },
} as const satisfies Readonly<Record<string, GoSource>>;

export type GoProgram = { readonly binary: string } | { readonly skip: string };

/** `skip` says why there is none; throws when it does not compile, or when EVENGATE_REQUIRE names `go`. */
export async function goProgram(source: GoSource): Promise<GoProgram> {
  const version = await go(source, ['env', 'GOVERSION']);
  const binary = join(cacheFolder(), `go-${basename(source.module)}-${hashOf(source, version.stdout)}`);
  if (existsSync(binary)) return { binary };
  const missing = await whatIsMissing(source, version);
  if (missing !== undefined) {
    requirePart('go', missing);
    return { skip: missing };
  }
  mkdirSync(cacheFolder(), { recursive: true });
  // Two runs may build at once, and neither may run half a program.
  const unfinished = `${binary}.${process.pid}`;
  const tags = source.tags === undefined ? [] : [`-tags=${source.tags}`];
  const parameters = ['build', '-trimpath', ...tags, '-ldflags=-s -w', '-o', unfinished, source.package ?? '.'];
  const built = await go(source, parameters);
  if (built.code !== 0) {
    rmSync(unfinished, { force: true });
    throw new Error(`e2e/${source.module} does not compile: ${lastLines(built.stderr)}`);
  }
  renameSync(unfinished, binary);
  return { binary };
}

/** Folder with the sources of a module that `source` depends on, fetched when they are not there. Throws what Go says. */
export async function moduleFolder(source: GoSource, path: string): Promise<string> {
  const { code, stdout, stderr } = await go(source, ['mod', 'download', '-json', path]);
  if (code !== 0) throw new Error(`go cannot fetch ${path}: ${lastLines(stderr, 1)}`);
  return (JSON.parse(stdout) as { readonly Dir: string }).Dir;
}

function hashOf({ module, package: from = '.', tags = '' }: GoSource, version: string): string {
  const folder = join(e2e, module);
  const hash = createHash('sha256').update(`${module}\n${from}\n${version}\n${tags}`);
  const sources = from.startsWith('./') ? `{${from.slice(2)}/**/*.go,go.mod,go.sum}` : '**/{*.go,go.mod,go.sum}';
  for (const path of globSync(sources, { cwd: folder }).sort()) {
    hash.update(`${path}\n`).update(readFileSync(join(folder, path)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function whatIsMissing(source: GoSource, version: Ended): Promise<string | undefined> {
  const goMod = `e2e/${source.module}/go.mod`;
  if (version.code !== 0)
    return `there is no go command that reads ${goMod}; install Go, at least the version it names`;
  const { code, stderr } = await go(source, ['list', '-deps', source.package ?? '.']);
  if (code === 0) return undefined;
  return `go cannot list what ${goMod} asks for: ${lastLines(stderr, 1)}; install the Go it names, and let it reach its module proxy`;
}

interface Ended {
  /** Null after a signal, or where there is no Go. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** At low priority: others are being tested meanwhile. */
function go({ module }: GoSource, parameters: readonly string[]): Promise<Ended> {
  const env = { ...process.env, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' };
  const child = spawn('nice', ['-n', '5', 'go', ...parameters], { cwd: join(e2e, module), env, stdio: 'pipe' });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, stdout: '', stderr: error.message }));
    child.once('close', (code) => resolve({ code, ...said }));
  });
}

function lastLines(text: string, count = 20): string {
  return text.trim().split('\n').slice(-count).join('\n');
}
