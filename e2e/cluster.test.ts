import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { requirePart } from '../src/testing/parts.ts';
import { evengateImage, packEvengate } from './cluster/images/images.ts';
import { whyNoCluster } from './cluster/index.ts';
import { kubectl, useCluster } from './cluster/use.ts';
import { until } from './operator/lib/until.ts';

const missing = await whyNoCluster();
if (missing !== undefined) requirePart('cluster', missing);

const namespace = `cluster-${process.pid}`;
const url = `http://orders.${namespace}.svc.cluster.local/from/a/pod`;
const node = '/usr/local/bin/node';
const labels = { app: 'orders' };
const objects = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'words' }, data: { 'word.txt': 'hello' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'orders' },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'orders', labels },
    spec: {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'backend',
          image: evengateImage,
          args: ['demo-backend', '--name', 'orders'],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'words', mountPath: '/words' }],
        },
      ],
      volumes: [{ name: 'words', configMap: { name: 'words' } }],
    },
  },
];

/** What the program prints that Node runs in the pod. */
const inPod = (program: string) => kubectl(['-n', namespace, 'exec', 'orders', '--', node, '-e', program]);

(missing === undefined ? describe : describe.skip)('the test cluster', () => {
  beforeAll(async () => {
    const cluster = await useCluster();
    await cluster.loadImage(await packEvengate());
    await kubectl(['create', 'namespace', namespace]);
    await kubectl(['-n', namespace, 'apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: objects });
    await kubectl(['-n', namespace, 'wait', '--for=condition=Ready', 'pod/orders', '--timeout=120s']);
    // A Pod that is Ready is known to kube-proxy only some time later: until then its Service refuses connections.
    const answers = `fetch('${url}').then(() => console.log('yes'), () => undefined)`;
    await until('an answer of the Service', async () => (await inPod(answers)) !== '');
  }, 1_800_000); // the first time, Kubernetes is compiled

  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
  });

  test('has a node that is ready', async () => {
    const path = '{.items[*].status.conditions[?(@.type=="Ready")].status}';
    expect(await kubectl(['get', 'nodes', '-o', `jsonpath=${path}`])).toMatch(/^True( True)*$/);
  });

  test('shows what a pod logs', async () => {
    expect(await kubectl(['-n', namespace, 'logs', 'orders'])).toBe('orders listens on port 8080, HTTP/1.1 and h2c\n');
  });

  test('runs a program in a pod, that sees its ConfigMap', async () => {
    expect(await inPod("process.stdout.write(fs.readFileSync('/words/word.txt', 'utf8'))")).toBe('hello');
  });

  test('routes a Service by its DNS name', async () => {
    const answer = await inPod(`fetch('${url}').then((answer) => answer.text()).then(console.log)`);
    expect(JSON.parse(answer)).toMatchObject({ backend: 'orders', pod: 'orders', path: '/from/a/pod' });
  });

  test('routes the addresses of Services and pods to those who were promised that', async () => {
    const { podNetworkReachable } = await useCluster();
    if (!podNetworkReachable) return;
    const service = await kubectl(['-n', namespace, 'get', 'service', 'orders', '-o', 'jsonpath={.spec.clusterIP}']);
    const pod = await kubectl(['-n', namespace, 'get', 'pod', 'orders', '-o', 'jsonpath={.status.podIP}']);
    for (const address of [service, `${pod}:8080`]) {
      expect(await (await fetch(`http://${address}/`)).json()).toMatchObject({ pod: 'orders' });
    }
  });
});
