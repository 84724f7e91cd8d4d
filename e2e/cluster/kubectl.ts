/** Running kubectl. */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { build } from './local/build.ts';
import { which } from './local/requirements.ts';

export interface Kubectl {
  /** Path of the program, or its name on PATH. */
  readonly program: string;
  readonly kubeconfig: string;
}

/** What kubectl has said and how it ended. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end, whatever that is. `input` is its stdin: text, or objects for `-f -`. */
export async function tryKubectl(
  { program, kubeconfig }: Kubectl,
  parameters: readonly string[],
  input?: string | object,
): Promise<KubectlResult> {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const child = spawn(program, parameters, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  child.stdin.on('error', () => undefined); // it may end before it has read all
  child.stdin.end(typeof input === 'object' ? JSON.stringify(input) : (input ?? ''));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (ended) => resolve(ended ?? 1));
  });
  return { code, ...output };
}

/** What it wrote to stdout. Throws with what it wrote to stderr when it fails. */
export async function runKubectl(
  kubectl: Kubectl,
  parameters: readonly string[],
  input?: string | object,
): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(kubectl, parameters, input);
  if (code !== 0) throw new Error(`kubectl ${parameters.join(' ')} ended with ${code}: ${stderr.trim()}`);
  return stdout;
}

/** That of PATH, or else one that is built here. */
export async function findKubectl(progress: (line: string) => void): Promise<string> {
  return which('kubectl') ?? (await build(progress)).kubectl;
}

export async function firstNodeAddress(kubectl: Kubectl): Promise<string> {
  const path = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  return runKubectl(kubectl, ['get', 'nodes', '-o', `jsonpath=${path}`]);
}
