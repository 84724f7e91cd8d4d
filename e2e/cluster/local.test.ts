import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { requirePart } from '../../src/testing/parts.ts';
import { build } from './local/build.ts';
import { systemPath } from './local/machine.ts';
import { places } from './local/places.ts';
import { allProcesses, kill, parentOf } from './local/processes.ts';
import { whyNoLocalCluster } from './local/requirements.ts';
import { waitUntil } from './local/wait.ts';

const missing = whyNoLocalCluster();
if (missing !== undefined) requirePart('cluster', missing);

const root = join(import.meta.dirname, '../..');
const folder = join(mkdtempSync(join('/var/tmp', 'evengate-local-')), 'cluster');
const { cgroup, started } = places({ EVENGATE_CLUSTER_DIR: folder });

/** A machine can have one local cluster, which may be in use: these have namespaces of their own, as another machine has. */
let elsewhere: ChildProcess;
let pid = 0;
let before: readonly (readonly string[])[];

/** nsenter and unshare stay, and what they run is their child. */
function childOf({ pid: parent }: ChildProcess): number {
  const found = allProcesses().find((one) => parentOf(one.pid) === parent);
  if (found === undefined) throw new Error(`process ${parent} has no child`);
  return found.pid;
}

const intoElsewhere = () => ['--target', String(pid), '--net', '--mount', '--pid'];
const environment = { ...process.env, PATH: systemPath, EVENGATE_CLUSTER_DIR: folder };

/** What the command prints there. */
function inside(...command: readonly string[]): string {
  return execFileSync('nsenter', [...intoElsewhere(), ...command], { encoding: 'utf8', env: environment });
}

/** Node there, on what the words say. Entering a mount namespace leads to its root folder. */
function start(...words: readonly string[]): ChildProcess {
  const command = [...intoElsewhere(), process.execPath, ...words];
  return spawn('nsenter', command, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

const script = join(root, 'scripts/cluster.ts');
const up = () => start(script, 'up');

/** The next line that contains the text. Throws with all others when it ends without. */
async function lineOf(child: ChildProcess, stream: 'stdout' | 'stderr', text: string): Promise<string> {
  const said: string[] = [];
  child.stderr?.on('data', (bytes) => said.push(String(bytes)));
  const input = child[stream];
  if (input === null) throw new Error(`the process has no ${stream}`);
  for await (const line of createInterface({ input })) if (line.includes(text)) return line;
  throw new Error(`ended without "${text}": ${said.join('')}`);
}

async function finish(child: ChildProcess): Promise<{ readonly code: number | null; readonly stdout: string }> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (bytes) => {
    stdout += String(bytes);
  });
  child.stderr?.on('data', (bytes) => {
    stderr += String(bytes);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`);
  return { code, stdout };
}

/** What a cluster could leave behind, there and here. */
function traces(): readonly (readonly string[])[] {
  const lines = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const here = allProcesses()
    .map(({ words }) => words.join(' '))
    .filter((line) => line.includes(folder));
  const settings = ['vm/overcommit_memory', 'kernel/panic', 'kernel/panic_on_oops', 'kernel/keys/root_maxkeys'];
  return [
    // The first process there is no init, and leaves zombies be.
    lines(inside('ps', '-e', '-o', 'stat=,args=')).filter((line) => !/^Z|ps -e/.test(line)),
    lines(inside('cat', '/proc/mounts')),
    lines(inside('ip', '-o', 'link')),
    lines(inside('ip', 'route')),
    lines(inside('iptables-save')),
    settings.map((name) => inside('cat', `/proc/sys/${name}`)),
    here,
    lines(readFileSync('/proc/mounts', 'utf8')).filter((line) => line.includes(folder)),
    globSync(`/sys/fs/cgroup/**/${cgroup}`),
    existsSync(folder) ? [folder] : [],
  ];
}

(missing === undefined ? describe : describe.skip)('npm run cluster', () => {
  beforeAll(async () => {
    await build(() => undefined);
    const own = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    elsewhere = spawn('unshare', [...own, 'sleep', 'infinity'], { stdio: 'ignore' });
    await waitUntil(
      () => allProcesses().some((one) => one.words[0] === 'sleep' && parentOf(one.pid) === elsewhere.pid),
      'sleep',
    );
    pid = childOf(elsewhere);
    before = traces();
  }, 1_800_000);

  afterEach(async () => {
    await finish(start(script, 'down'));
    expect(traces()).toEqual(before);
  });

  afterAll(() => {
    elsewhere.kill('SIGKILL');
    rmSync(dirname(folder), { recursive: true });
  });

  const kubectl = (...parameters: readonly string[]) => {
    const kubeconfig = `--kubeconfig=${folder}/configs/admin.kubeconfig`;
    return build(() => undefined).then((binaries) => inside(binaries.kubectl, kubeconfig, ...parameters));
  };

  test('says how kubectl finds it, and finds it again', async () => {
    const { stdout } = await finish(up());
    expect(stdout).toMatch(new RegExp(`^export KUBECONFIG=${folder}/configs/admin.kubeconfig `));
    expect(await kubectl('get', 'nodes', '-o', 'name')).toBe('node/evengate\n');
    const begun = readFileSync(started, 'utf8');
    expect((await finish(up())).stdout).toBe(stdout);
    expect(readFileSync(started, 'utf8')).toBe(begun);
  });

  test.each(['starting the machine', 'the API server is ready', 'the node is ready'])(
    'killed at "%s", it can be started and removed',
    async (moment) => {
      const starter = up();
      await lineOf(starter, 'stderr', moment);
      kill(childOf(starter));
      await once(starter, 'close');
      expect(existsSync(started)).toBe(false);
      if (moment === 'the API server is ready') await finish(up());
    },
  );

  test('one for a test ends with the process that started it', async () => {
    const module = join(root, 'e2e/cluster/local/index.ts');
    const program = `
      import { local } from ${JSON.stringify(module)};
      const cluster = await local.start(() => undefined);
      await cluster.restartApiServer();
      console.log('restarted');
      setInterval(() => undefined, 1e6);`;
    const owner = start('--input-type=module', '--eval', program);
    await lineOf(owner, 'stdout', 'restarted');
    expect(await kubectl('get', '--raw', '/readyz')).toBe('ok');
    kill(childOf(owner));
    await waitUntil(() => allProcesses().every(({ words }) => !words.includes(folder)), 'the machine to end');
  });
});
