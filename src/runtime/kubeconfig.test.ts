import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { type KubeconfigOptions, loadTarget } from './kubeconfig.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'evengate-kubeconfig-'));
});
afterAll(() => rm(directory, { recursive: true }));

let files = 0;
async function file(text: string, path = join(directory, `config-${++files}`)): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

/** Contexts by name: `cluster`, `user` and `namespace` of each. */
function kubeconfig(contexts: Record<string, Record<string, string>>, current?: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: ['one', 'two'].map((name) => ({ name, cluster: { server: `https://${name}.test:6443` } })),
    users: [{ name: 'ann', user: { token: 'hunter2' } }],
    contexts: Object.entries(contexts).map(([name, context]) => ({ name, context })),
    ...(current !== undefined && { 'current-context': current }),
  });
}
const one = { cluster: 'one', user: 'ann', namespace: 'shop' };
const two = { cluster: 'two', user: 'ann' };

describe('which cluster', () => {
  test('the named file, at its current-context', async () => {
    const path = await file(kubeconfig({ one, two }, 'one'));
    expect(loadTarget({ kubeconfig: path, env: { KUBECONFIG: '/nowhere' } })).toMatchObject({
      cluster: { server: 'https://one.test:6443' },
      user: { token: 'hunter2' },
      namespace: 'shop',
      inCluster: false,
    });
  });

  test('at the named context; without a namespace it is default', async () => {
    const path = await file(kubeconfig({ one, two }, 'one'));
    expect(loadTarget({ kubeconfig: path, context: 'two', env: {} })).toMatchObject({
      cluster: { server: 'https://two.test:6443' },
      namespace: 'default',
    });
  });

  test('the files of KUBECONFIG that exist, the first that says something', async () => {
    const [first, second] = [await file(kubeconfig({ one })), await file(kubeconfig({ one: two, two }, 'one'))];
    const env = { KUBECONFIG: `/nowhere:${first}:${second}`, HOME: directory };
    expect(loadTarget({ env }).cluster.server).toBe('https://one.test:6443');
    expect(loadTarget({ env, context: 'two' }).cluster.server).toBe('https://two.test:6443');
  });

  test('that of the home directory', async () => {
    await file(kubeconfig({ two }, 'two'), join(directory, 'home', '.kube', 'config'));
    expect(loadTarget({ env: { HOME: join(directory, 'home') } }).cluster.server).toBe('https://two.test:6443');
  });

  test.each([
    ['10.96.0.1', 'https://10.96.0.1:443'],
    ['fd00::1', 'https://[fd00::1]:443'],
  ])('that of the pod, at %s', async (host, server) => {
    const serviceAccount = join(directory, 'pod');
    await file('token', join(serviceAccount, 'token'));
    await file('evengate-system\n', join(serviceAccount, 'namespace'));
    const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: '443' };
    expect(loadTarget({ env, serviceAccount })).toMatchObject({
      cluster: { server, caFile: join(serviceAccount, 'ca.crt') },
      namespace: 'evengate-system',
      inCluster: true,
    });
  });

  test('a context without a user is nobody', async () => {
    const path = await file(kubeconfig({ plain: { cluster: 'one' } }, 'plain'));
    expect(loadTarget({ kubeconfig: path, env: {} }).user).toEqual({ name: '' });
  });
});

describe('what is wrong is said', () => {
  const refused = async (text: string | undefined, options: Partial<KubeconfigOptions> = {}) => {
    const path = text === undefined ? undefined : await file(text, join(directory, 'wrong'));
    try {
      loadTarget({ kubeconfig: path, env: {}, serviceAccount: '/nowhere', ...options });
    } catch (error) {
      return String(error).replaceAll(directory, 'D');
    }
    return undefined;
  };

  test.each([
    [
      'no such file',
      undefined,
      { kubeconfig: '/nowhere/config' },
      'kubeconfig /nowhere/config does not exist; name one that does',
    ],
    [
      'KUBECONFIG names none',
      undefined,
      { env: { KUBECONFIG: '/nowhere:/no' } },
      'kubeconfig /nowhere, /no does not exist (from KUBECONFIG); correct or unset KUBECONFIG',
    ],
    [
      'nothing',
      undefined,
      { env: { HOME: '/nowhere' } },
      'no cluster is named: KUBECONFIG is not set, /nowhere/.kube/config does not exist, and this is no pod; name a kubeconfig',
    ],
    ['no mapping', '~', {}, 'kubeconfig D/wrong cannot be read: it is no mapping; correct the file'],
    [
      'empty',
      '',
      {},
      'kubeconfig D/wrong cannot be read: expected a document, but the input is empty; correct the file',
    ],
    [
      'no context',
      kubeconfig({ one, two }),
      {},
      'kubeconfig D/wrong has no current-context; name one of its contexts: one, two',
    ],
    [
      'unknown context',
      kubeconfig({ one, two }, 'one'),
      { context: 'three' },
      'context three is not in kubeconfig D/wrong; known are: one, two',
    ],
    [
      'unknown cluster',
      kubeconfig({ x: { cluster: 'y' } }, 'x'),
      {},
      'context x of kubeconfig D/wrong names cluster y, which is not there; add it',
    ],
    [
      'unknown user',
      kubeconfig({ x: { cluster: 'one', user: 'bob' } }, 'x'),
      {},
      'context x of kubeconfig D/wrong names user bob, which is not there; add it',
    ],
  ])('%s', async (_, text, options, message) => {
    expect(await refused(text, options)).toBe(`KubeconfigError: ${message}`);
  });

  test('YAML that cannot be read, without quoting it', async () => {
    const said = await refused('users:\n- name: ann\n  user:\n    token: hunter2\n   bad\n');
    expect(said).toMatch(/^KubeconfigError: kubeconfig D\/wrong cannot be read: .*\(.*\); correct the file$/);
    expect(said).not.toContain('hunter2');
  });

  test('a context for a pod', async () => {
    const serviceAccount = join(directory, 'pod-2');
    await file('token', join(serviceAccount, 'token'));
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };
    expect(await refused(undefined, { env, serviceAccount, context: 'x' })).toMatch(
      /context x is unknown: a pod has no/,
    );
  });
});
