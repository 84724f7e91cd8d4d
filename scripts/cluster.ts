/**
 * `npm run cluster`: a Kubernetes of one node on this machine, for the tests and for people. stdout gets the line that
 * points kubectl at it, so that `eval "$(npm run -s cluster)"` does; progress goes to stderr.
 * `npm run cluster -- down` removes it, with all that is left of one that was killed half way.
 * `npm run cluster -- load` hands it the images of this working tree and of Envoy, `istio` installs Istio besides, and `build`
 * compiles what it consists of.
 */
import { dirname } from 'node:path';
import process from 'node:process';
import { packEnvoy, packEvengate } from '../e2e/cluster/images/images.ts';
import { build } from '../e2e/cluster/local/build.ts';
import { importImage } from '../e2e/cluster/local/import.ts';
import { whyNoLocalCluster } from '../e2e/cluster/local/requirements.ts';
import { endLocal, startLocal } from '../e2e/cluster/local/start.ts';
import { useIstio } from '../e2e/mesh/lib/istio.ts';

const usage = `usage: npm run cluster [-- up | down | load | istio | build]
  up     start it, or find it running (default)
  down   remove it
  load   start it, and hand it evengate:dev, made of this working tree, and Envoy
  istio  load, and install Istio, which the tests of e2e/mesh otherwise do for themselves and undo
  build  compile Kubernetes and CoreDNS, which takes minutes the first time; up does it, too
`;
const begun = performance.now();

function progress(line: string): void {
  process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
}

async function up(): Promise<Awaited<ReturnType<typeof startLocal>>> {
  const missing = whyNoLocalCluster();
  if (missing !== undefined) throw new Error(missing);
  const cluster = await startLocal({ progress });
  progress(cluster.found ? 'it runs already' : 'the cluster is ready; npm run cluster -- down ends it');
  const { adminKubeconfig } = cluster.places;
  process.stdout.write(`export KUBECONFIG=${adminKubeconfig} PATH=${dirname(cluster.kubectl)}:$PATH\n`);
  return cluster;
}

async function load(): Promise<void> {
  const { places } = await up();
  for (const image of [await packEvengate(progress), await packEnvoy(progress)]) {
    await importImage(places, image);
    progress(`${image.name} is there`);
  }
}

async function istio(): Promise<void> {
  await up();
  await useIstio();
  progress('istiod is ready');
}

async function down(): Promise<void> {
  await endLocal(progress);
  progress('nothing is left of it');
}

const compile = () => build(progress);
const commands: Readonly<Record<string, () => Promise<unknown>>> = { up, down, load, istio, build: compile };
const [word = 'up', ...more] = process.argv.slice(2);
const command = Object.hasOwn(commands, word) && more.length === 0 ? commands[word] : undefined;
if (command === undefined) {
  process.stderr.write(usage);
  process.exitCode = ['--help', '-h', 'help'].includes(word) ? 0 : 2;
} else {
  try {
    await command();
  } catch (error) {
    process.stderr.write(`npm run cluster: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
