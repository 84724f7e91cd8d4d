/** A reader of the documentation: a shell in a copy of this repository, one for each page, with the programs that pages ask for. */
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { isAsShown } from '../../../src/testing/docs/output.ts';
import { type Page, root } from '../../../src/testing/docs/page.ts';
import { type Run, scriptOf } from '../../../src/testing/docs/script.ts';
import type { Kubectl } from '../../cluster/kubectl.ts';

export interface Reader {
  /** What went otherwise than the page says: `docs/quick-start.md:12: …`. */
  read(page: Page, runs: readonly Run[]): Promise<readonly string[]>;
  /** Runs a script as a page's would be; throws when it fails. */
  sh(script: string): Promise<string>;
  end(): void;
}

export interface ReaderOptions extends Kubectl {
  /** By name: path. */
  readonly programs: Readonly<Record<string, string>>;
}

/** Longer than any page takes on a busy machine. */
const patienceMs = 180_000;
const copied = ['README.md', 'action.yml', 'charts', 'crds', 'docs', 'examples', 'plugins'];

export async function newReader(options: ReaderOptions): Promise<Reader> {
  const folder = mkdtempSync(join(tmpdir(), 'ev-docs-'));
  const place = await furnished(folder, options);
  let count = 0;
  const bash = async (script: string, cwd = place.cwd) => {
    const out = join(folder, `out-${count++}`);
    mkdirSync(out);
    writeFileSync(join(out, 'script'), script);
    return { out, ended: await ended(join(out, 'script'), { cwd, env: { ...place.env, OUT: out } }) };
  };
  const sh: Reader['sh'] = async (script) => {
    const { code, said } = (await bash(`set -euo pipefail\n${script}`)).ended;
    if (code !== 0) throw new Error(`${script} ended with ${code}: ${said}`);
    return said;
  };
  // Pages compare with git, too.
  await sh(
    'git init -q -b main; git config user.email r@example.com; git config user.name r; git add .; git commit -qm all',
  );
  return {
    sh,
    end: () => rmSync(folder, { recursive: true, force: true }),
    async read({ path }, runs) {
      const own = join(folder, `work-${count}`);
      cpSync(place.cwd, own, { recursive: true, verbatimSymlinks: true });
      const { out, ended: result } = await bash(scriptOf(runs), own);
      return faultsOf(path, runs, { out, ...result });
    },
  };
}

interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** In an empty folder: a home, the programs, and a copy of the repository, as far as pages write into it. */
async function furnished(folder: string, { program, kubeconfig, programs }: ReaderOptions): Promise<Place> {
  const at = (name: string) => join(folder, name);
  for (const name of ['programs', 'home', 'tmp', 'work', 'package']) mkdirSync(at(name));
  for (const name of copied) cpSync(join(root, name), join(at('work'), name), { recursive: true });
  // Evengate as npm installs it: bundled, without its sources.
  for (const name of ['bin', 'package.json']) cpSync(join(root, name), join(at('package'), name), { recursive: true });
  const bundle = ['scripts/build.ts', 'src/main.ts', join(at('package'), 'dist/evengate.js')];
  await promisify(execFile)(process.execPath, bundle, { cwd: root });
  symlinkSync(join(at('package'), 'bin'), join(at('work'), 'bin'));
  for (const [name, path] of Object.entries({ ...programs, kubectl: program })) {
    symlinkSync(path, join(at('programs'), name));
  }
  const env = {
    HOME: at('home'),
    TMPDIR: at('tmp'),
    KUBECONFIG: kubeconfig,
    PATH: [at('programs'), join(at('package'), 'bin'), dirname(process.execPath), process.env['PATH']].join(':'),
    NO_COLOR: '1',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  return { cwd: at('work'), env };
}

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** With all that it leaves behind: a page may start what goes on until Ctrl-C. */
function ended(script: string, options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }): Promise<Ended> {
  const child = spawn('bash', [script], { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const killAll = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const timer = setTimeout(killAll, patienceMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      killAll();
      resolve({ code, said });
    });
  });
}

interface Written extends Ended {
  /** Folder of what the runs wrote. */
  readonly out: string;
}

function faultsOf(path: string, runs: readonly Run[], { out, code, said }: Written): readonly string[] {
  const text = (name: string) => (existsSync(join(out, name)) ? readFileSync(join(out, name), 'utf8') : '');
  const done = Number(text('at'));
  const faults = runs.slice(0, done).flatMap((run, index) => {
    const shown = run.kind === 'commands' ? run.output : undefined;
    const printed = text(String(index));
    if (shown === undefined || isAsShown(printed, shown.text)) return [];
    return [`${path}:${shown.line}: shows\n${shown.text}\nand this was printed:\n${printed}`];
  });
  const failed = runs[done];
  if (failed === undefined) return faults;
  const why = `${text(String(done))}${said}`;
  return [...faults, `${path}:${failed.block.line}: ended with ${code ?? 'a signal'}\n${why}`];
}
