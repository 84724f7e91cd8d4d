/** TCP ports on which a Pod listens, on any of its addresses. */
import { evengateImage } from '../../cluster/images/images.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

/** Prints /proc/net/tcp of the Pod's network: Envoy's image has no program that could. */
const program =
  "for (const name of ['tcp', 'tcp6']) process.stdout.write(fs.readFileSync('/proc/net/' + name, 'utf8'))";
const listens = '0A';

/** Sorted. It leaves an ephemeral container in the Pod, which has ended. */
export async function listeningPorts(world: World, namespace: string, pod: string): Promise<readonly number[]> {
  const within = (...words: readonly string[]) => world.kubectl('--namespace', namespace, ...words);
  const container = 'look';
  const how = [`--image=${evengateImage}`, `--container=${container}`, '--profile=restricted', '--quiet'];
  await within('debug', pod, ...how, '--', '/usr/local/bin/node', '-e', program);
  const printed = await until('the Pod’s sockets', async () => {
    const ended = `jsonpath={.status.ephemeralContainerStatuses[?(@.name=="${container}")].state.terminated.exitCode}`;
    if ((await within('get', 'pod', pod, '-o', ended)) === '') return undefined;
    return within('logs', pod, '--container', container);
  });
  const ports = printed.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return state === listens ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [];
  });
  return [...new Set(ports)].toSorted((a, b) => a - b);
}
