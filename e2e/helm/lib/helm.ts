/** Helm on a cluster, as its users call it, with nothing of theirs. It leaves the test's own process free: traffic runs there. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { charts, type Ended } from '../../charts/helm.ts';
import { evengateImage } from '../../cluster/images/images.ts';
import { goProgram, tools } from '../../tools/go-program.ts';

export { charts };

export interface HelmOptions {
  readonly binary: string;
  readonly kubeconfig: string;
  /** What runs a program elsewhere, such as nsenter; nothing where the cluster can be reached from here. */
  readonly through?: readonly string[];
}

export interface Helm {
  /** A folder that is removed with what is in it. */
  readonly home: string;
  /** What it wrote to stdout; throws with what it wrote to stderr. `values` go to `--values -`. */
  run(words: readonly string[], values?: object): Promise<string>;
  /** However it ends. */
  attempt(words: readonly string[], values?: object): Promise<Ended>;
  /** The chart as if it were of another version: an archive. */
  packaged(chart: string, version: string): Promise<string>;
  /** Removes `home`. */
  end(): void;
}

/** `className` and the image of this working tree: what every release of a test says. */
export function ownValues(className: string): readonly string[] {
  const [repository, tag] = evengateImage.split(':');
  return ['--set', `className=${className},image.repository=${repository},image.tag=${tag}`];
}

/** Throws where there is no Go to build it. */
export async function helmBinary(): Promise<string> {
  const program = await goProgram(tools.helm);
  if ('skip' in program) throw new Error(program.skip);
  return program.binary;
}

export function helmOn({ binary, kubeconfig, through = [] }: HelmOptions): Helm {
  const home = mkdtempSync(join(tmpdir(), 'ev-helm-'));
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, KUBECONFIG: kubeconfig };
  const attempt: Helm['attempt'] = (words, values) => {
    const all = [...through, binary, ...words, ...(values === undefined ? [] : ['--values', '-'])];
    return ended(all, { env, input: values === undefined ? '' : JSON.stringify(values) });
  };
  const run: Helm['run'] = async (words, values) => {
    const { code, stdout, stderr } = await attempt(words, values);
    if (code !== 0) throw new Error(`helm ${words.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  };
  return {
    home,
    run,
    attempt,
    async packaged(chart, version) {
      await run(['package', chart, '--version', version, '--app-version', version, '--destination', home]);
      return join(home, `${basename(chart)}-${version}.tgz`);
    },
    end: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** A program to its end, whatever that is. */
export function ended(
  [program = '', ...words]: readonly string[],
  { env, input = '' }: { readonly env: NodeJS.ProcessEnv; readonly input?: string },
): Promise<Ended> {
  const child = spawn(program, words, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  child.stdin.on('error', () => undefined); // it may end before it has read all
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...said }));
  });
}
