/** Helm on a cluster, as its users call it, with nothing of theirs. It leaves the test's own process free: traffic runs there. */
import { spawn } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { parse, stringify } from 'yaml';
import { charts, type Ended } from '../../charts/helm.ts';
import { evengateImage } from '../../cluster/images/images.ts';

export { charts };

export interface HelmOptions {
  readonly binary: string;
  readonly kubeconfig: string;
  /** What runs a program elsewhere, such as nsenter; nothing where the cluster can be reached from here. */
  readonly through?: readonly string[];
}

export interface Helm {
  /** What it wrote to stdout; throws with what it wrote to stderr. `values` go to `--values -`. */
  run(words: readonly string[], values?: object): Promise<string>;
  /** However it ends. */
  attempt(words: readonly string[], values?: object): Promise<Ended>;
  /** The chart as if it were of another version: an archive. */
  packaged(chart: string, version: string): Promise<string>;
  /** The operator's chart as a version was that had no such section of values yet: an archive. */
  olderWithout(section: string): Promise<string>;
  /** Removes what it wrote. */
  end(): void;
}

/** `className` and the image of this working tree: what every release of a test says. */
export function ownValues(className: string): readonly string[] {
  const [repository, tag] = evengateImage.split(':');
  return ['--set', `className=${className},image.repository=${repository},image.tag=${tag}`];
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
  const packaged: Helm['packaged'] = async (chart, version) => {
    await run(['package', chart, '--version', version, '--app-version', version, '--destination', home]);
    return join(home, `${basename(chart)}-${version}.tgz`);
  };
  return {
    run,
    attempt,
    packaged,
    async olderWithout(section) {
      const chart = join(home, 'older/evengate');
      cpSync(charts.operator, chart, { recursive: true });
      const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, unknown>;
      const { [section]: _, ...older } = values;
      writeFileSync(join(chart, 'values.yaml'), stringify(older));
      rmSync(join(chart, 'values.schema.json'));
      // What its templates say of the section, they say of an empty one.
      for (const path of globSync('templates/**/*.{yaml,tpl}', { cwd: chart })) {
        const text = readFileSync(join(chart, path), 'utf8');
        writeFileSync(join(chart, path), text.replaceAll(new RegExp(`\\.Values\\.${section}\\.\\w+`, 'g'), '""'));
      }
      const paths = readFileSync(join(chart, 'files/values.yaml'), 'utf8').split('\n');
      writeFileSync(
        join(chart, 'files/values.yaml'),
        paths.filter((line) => !line.startsWith(`- ${section}.`)).join('\n'),
      );
      return packaged(chart, '0.0.9');
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
