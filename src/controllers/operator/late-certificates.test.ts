/** Certificates that come after their ApiGateway, or are bad, where the operator reads no Secrets. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { conditionOf, type OperatorRig, rigPool } from '../../testing/operator/rig.ts';
import { createAll, pathRoute, publicFor, shop, shopGateway } from '../../testing/operator/shop.ts';
import { kstatus } from '../../testing/status-rules.ts';

const pool = rigPool();
afterEach(pool.stop);

const missingFile = 'Invalid path: /etc/evengate/certificates/shop.own-tls/tls.crt';
const wrongPair = 'Failed to load private key from <inline>, Cause: error:0b000074:KEY_VALUES_MISMATCH';

/** What Envoys say of each Secret of the namespace that they cannot use. */
type Problems = Map<string, string>;

function withGateway(certificate: string): KubeObject {
  const tls = { certificateRefs: [{ name: certificate }] };
  const listeners = [
    { name: 'web', port: 80, protocol: 'HTTP' },
    { name: 'secure', port: 443, protocol: 'HTTPS', hostname: 'shop.example.com', tls },
  ];
  return shopGateway({ listeners });
}

async function opened(...problems: readonly (readonly [string, string])[]) {
  const rig = await pool.open();
  const bad: Problems = new Map(problems);
  rig.pods.refuses = (file) => bad.get(/^sds-shop\.(.*)\.json$/.exec(file)?.[1] ?? '');
  createAll(rig.api, [
    ...shop().filter(({ kind }) => !['ApiGateway', 'Secret', 'ReferenceGrant'].includes(kind)),
    withGateway('own-tls'),
  ]);
  rig.start();
  await rig.clock.sleep(10_000);
  return { rig, bad };
}

const edge = ({ api }: OperatorRig) => api.get(resources.ApiGateway, 'shop', 'edge') as KubeObject;

interface Conditions {
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly message: string }[];
}
type Status = Conditions & { readonly listeners: readonly (Conditions & { readonly name: string })[] };
const statusOf = (rig: OperatorRig) => (edge(rig) as KubeObject & { readonly status: Status }).status;
const messageOf = (rig: OperatorRig, wanted: string) =>
  statusOf(rig).conditions.find(({ type }) => type === wanted)?.message;

function listenersOf(rig: OperatorRig): Readonly<Record<string, string>> {
  const told = statusOf(rig).listeners.map(({ name, conditions }) => {
    return [name, conditions.find(({ type }) => type === 'Programmed')?.status ?? ''];
  });
  return Object.fromEntries(told) as Readonly<Record<string, string>>;
}

function toldOf(rig: OperatorRig): readonly string[] {
  return rig.writes().flatMap(({ kind, name, subresource }) => {
    const isStatus = kind === 'ApiGateway' && subresource === 'status';
    return isStatus || (kind === 'Event' && name.startsWith('edge.')) ? [kind] : [];
  });
}

/** Ready is True where all is well; `Ready` of a Route of the shop. */
const routeReady = ({ api }: OperatorRig, name: string) => conditionOf(api.get(resources.Route, 'shop', name), 'Ready');

/** Certificates by which the listener is served, as LDS names them. */
function certificatesInPlace({ pods }: OperatorRig): readonly string[] {
  const [envoy] = [...pods.envoys().values()];
  const lds = envoy?.history.at(-1)?.get('lds.json') ?? '';
  return [...lds.matchAll(/"name":"shop\.([^"]*)","sds_config"/g)].map(([, name]) => name ?? '');
}

const sentence =
  'spec.listeners[1].tls.certificateRefs[0].name: Secret shop/own-tls does not exist, or has no tls.crt. ' +
  'Create a Secret of type kubernetes.io/tls whose tls.key belongs to its tls.crt, or mend it; it is taken up by itself.';

describe('a certificate that is not there yet', () => {
  test('is told once, with the words of who reads Secrets; the rest is served', async () => {
    const { rig } = await opened(['own-tls', missingFile]);
    expect(conditionOf(edge(rig), 'ResolvedRefs')).toBe('False InvalidCertificateRef');
    expect(messageOf(rig, 'ResolvedRefs')).toBe(sentence);
    expect(conditionOf(edge(rig), 'Ready')).toBe('False InvalidCertificateRef');
    expect(conditionOf(edge(rig), 'Programmed')).toBe('True Programmed');
    expect(conditionOf(edge(rig), 'Stalled')).toBe('');
    expect(kstatus(edge(rig))).toBe('InProgress');
    expect(listenersOf(rig)).toEqual({ web: 'True', secure: 'False' });
    expect(routeReady(rig, 'menu')).toBe('True Ready');

    const before = rig.writes().length;
    for (let minute = 0; minute < 10; minute += 1) await rig.clock.sleep(60_000);
    expect(toldOf(rig)).toEqual(['ApiGateway', 'Event']);
    const kinds = new Set(
      rig
        .writes()
        .slice(before)
        .map(({ kind }) => kind),
    );
    expect([...kinds].toSorted()).toEqual(['ConfigMap', 'Pod']);
  });

  test('holds up no change, and is taken up by itself; then nothing is written', async () => {
    const { rig, bad } = await opened(['own-tls', missingFile]);
    createAll(rig.api, [pathRoute('new'), publicFor('new')]);
    await rig.clock.sleep(10_000);
    expect(routeReady(rig, 'new')).toBe('True Ready');
    bad.clear();
    await rig.clock.sleep(36_000);
    expect(conditionOf(edge(rig), 'Ready')).toBe('True Ready');
    expect(listenersOf(rig)).toEqual({ web: 'True', secure: 'True' });
    expect(toldOf(rig).filter((kind) => kind === 'Event')).toHaveLength(2);
    await rig.quiet();
    const before = rig.writes().length;
    for (let minute = 0; minute < 10; minute += 1) await rig.clock.sleep(60_000);
    expect(rig.writes().length).toBe(before);
  });

  test('is found by the next operator, too', async () => {
    const { rig, bad } = await opened(['own-tls', missingFile]);
    await rig.kill();
    const before = toldOf(rig).length;
    rig.start();
    await rig.clock.sleep(60_000);
    expect(toldOf(rig)).toHaveLength(before);
    bad.clear();
    await rig.clock.sleep(36_000);
    expect(conditionOf(edge(rig), 'Ready')).toBe('True Ready');
  });

  test('also where its Envoys have acknowledged it meanwhile, for a change of something else', async () => {
    const { rig, bad } = await opened(['own-tls', missingFile]);
    createAll(rig.api, [pathRoute('new'), publicFor('new')]);
    await rig.clock.sleep(1000);
    await rig.kill();
    const before = toldOf(rig).length;
    rig.start();
    await rig.clock.sleep(1000);
    expect(routeReady(rig, 'new')).toBe('True Ready');
    expect(toldOf(rig)).toHaveLength(before);
    expect(conditionOf(edge(rig), 'Ready')).toBe('False InvalidCertificateRef');
    expect(listenersOf(rig)).toEqual({ web: 'True', secure: 'False' });
    bad.clear();
    await rig.clock.sleep(36_000);
    expect(conditionOf(edge(rig), 'Ready')).toBe('True Ready');
  });
});

describe('another certificate', () => {
  test('that is not there: the listener serves by the one that it had, until the new one is loaded', async () => {
    const { rig, bad } = await opened(['next', missingFile.replace('own-tls', 'next')]);
    expect(conditionOf(edge(rig), 'Ready')).toBe('True Ready');
    rig.api.put(withGateway('next'));
    await rig.clock.sleep(60_000);
    expect(certificatesInPlace(rig)).toEqual(['own-tls', 'next']);
    expect(messageOf(rig, 'ResolvedRefs')).toContain('Secret shop/next does not exist');
    await rig.kill();
    rig.start();
    await rig.clock.sleep(60_000);
    expect(certificatesInPlace(rig)).toEqual(['own-tls', 'next']);
    bad.clear();
    await rig.clock.sleep(40_000);
    expect(certificatesInPlace(rig)).toEqual(['next']);
    expect(conditionOf(edge(rig), 'Ready')).toBe('True Ready');
  });
});

test('a pair that does not fit says so', async () => {
  const { rig } = await opened(['own-tls', wrongPair]);
  expect(messageOf(rig, 'ResolvedRefs')).toContain('Secret shop/own-tls holds a tls.key that does not belong to its');
  expect(JSON.stringify(edge(rig))).not.toContain('<inline>');
});
