import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { meshAuthority } from '../testing/mesh/authority.ts';
import { type MeshServer, type Seen, startMeshServer } from '../testing/mesh/permissive-server.ts';
import { type Rig, rigSuite } from '../testing/rig.ts';
import type { TestCertificate } from '../testing/rig-certificates.ts';
import {
  apiGateway,
  authPolicy,
  everyone,
  type Manifest,
  namespace,
  route,
  to,
  under,
} from '../testing/rig-manifests.ts';

const authority = meshAuthority();
const trustDomain = 'cluster.local';
const principal = (account: string) => `${trustDomain}/ns/${namespace}/sa/${account}`;
const edge = principal('edge-edge');

/** As Istio's agent does: each file swapped as a whole. */
function write(directory: string, { certificate, key }: TestCertificate): void {
  const files = { 'key.pem': key, 'cert-chain.pem': certificate, 'root-cert.pem': authority.certificate };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, `${name}.new`), text);
    renameSync(join(directory, `${name}.new`), join(directory, name));
  }
}

const identity = mkdtempSync(join(tmpdir(), 'evengate-identity-'));
write(identity, authority.identity(edge));

const server = (account: string, mode: MeshServer['mode']) =>
  startMeshServer({ mode, identity: authority.identity(principal(account)), roots: authority.certificate });
const orders = await server('orders', 'strict');
const grpc = await server('grpc', 'HTTP/2');
const impostor = await server('impostor', 'strict');
const moving = await server('moving', 'permissive');
const services = new Map(
  [orders, grpc, impostor, moving].map((one, index) => [
    `${namespace}/${['orders', 'grpc', 'impostor', 'moving'][index]}:80`,
    one.port,
  ]),
);

afterAll(async () => {
  await Promise.all([orders, grpc, impostor, moving].map((one) => one.close()));
  rmSync(identity, { recursive: true, force: true });
});

const serviceOf = (name: string, more: object = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: [{ port: 80, ...more }] },
});

const podOf = (name: string, account: string, proxied: boolean, suffix = 'a'): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `${name}-${suffix}`, namespace, labels: { app: name } },
  spec: { serviceAccountName: account, containers: [{ name: 'app' }, ...(proxied ? [{ name: 'istio-proxy' }] : [])] },
  status: { phase: 'Running' },
});

const names = ['orders', 'grpc', 'impostor', 'moving'];
const manifests = (pods: readonly Manifest[]) => [
  apiGateway({ mesh: { mode: 'Sidecar', enforcement: 'Shadow' } }),
  ...names.map((name) => serviceOf(name, name === 'grpc' ? { appProtocol: 'kubernetes.io/h2c' } : {})),
  route(
    'all',
    names.map((name) => ({ name, ...under(`/${name}`), ...to(name) })),
  ),
  authPolicy('open', 'Route/all', everyone),
  podOf('orders', 'orders', true),
  podOf('grpc', 'grpc', true),
  // What answers has another account than the Pods that are known.
  podOf('impostor', 'honest', true),
  ...pods,
];

const unexplained = 'the servers of this test are its own';
const ask = async (rig: Rig, path: string) => {
  const { status, body } = await rig.send({ path, unexplained });
  return { status, seen: status === 200 ? (JSON.parse(body) as Seen) : undefined };
};

await rigSuite(
  'a gateway with the certificate of the mesh',
  () => manifests([podOf('moving', 'moving', false)]),
  (rig) => {
    test('is known by it, speaks HTTP as Istio’s own clients do, and says which Service it means', async () => {
      expect(await ask(rig(), '/orders')).toEqual({
        status: 200,
        seen: {
          tls: true,
          version: 'TLSv1.3',
          alpn: 'istio-http/1.1',
          sni: `outbound_.80_._.orders.${namespace}.svc.cluster.local`,
          client: `URI:spiffe://${edge}`,
        },
      });
    });

    test('speaks HTTP/2 to who wants it', async () => {
      expect((await ask(rig(), '/grpc')).seen).toMatchObject({ alpn: 'istio-h2', client: `URI:spiffe://${edge}` });
    });

    test('sends nothing to a server of another account', async () => {
      expect((await ask(rig(), '/impostor')).status).toBe(503);
      const failed = await rig().stats('impostor/80.ssl.fail_verify_san');
      expect([...failed.values()].every((count) => Number(count) > 0)).toBe(true);
    });

    test('goes from clear text to TLS while Pods get their proxies, and fails no request', async () => {
      const mixed = [podOf('moving', 'moving', false), podOf('moving', 'moving', true, 'b')];
      const steps = [
        mixed,
        [podOf('moving', 'moving', true, 'b')],
        [podOf('moving', 'moving', true, 'b'), podOf('moving', 'other', true, 'c')],
      ];
      let over = false;
      const answers: (readonly [number, boolean | undefined])[] = [];
      const load = (async () => {
        while (!over) {
          const { status, seen } = await ask(rig(), '/moving');
          answers.push([status, seen?.tls]);
        }
      })();
      expect((await ask(rig(), '/moving')).seen?.tls).toBe(false);
      const then: (boolean | undefined)[] = [];
      for (const pods of steps) {
        await rig().apply(manifests(pods));
        then.push((await untilSettled(rig())).tls);
      }
      over = true;
      await load;
      expect(then).toEqual([false, true, true]);
      expect(answers.filter(([status]) => status !== 200)).toEqual([]);
    });

    test('shows the next certificate once the agent has written it', async () => {
      write(identity, authority.identity(principal('renewed')));
      await expect(untilKnownAs(rig(), `URI:spiffe://${principal('renewed')}`)).resolves.toBeUndefined();
    });
  },
  { servers: services, identity },
);

/** A cluster that was made anew is used when it has warmed. */
async function untilSettled(rig: Rig): Promise<Seen> {
  for (;;) {
    const warming = await rig.stats('cluster_manager.warming_clusters');
    if ([...warming.values()].every((count) => Number(count) === 0)) return (await ask(rig, '/moving')).seen as Seen;
  }
}

/** Each request has a connection of its own. */
async function untilKnownAs(rig: Rig, client: string): Promise<void> {
  for (;;) {
    const { status, seen } = await ask(rig, '/orders');
    if (status !== 200) throw new Error(`answered ${status}`);
    if (seen?.client === client) return;
  }
}
