import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { fakeIo } from '../../testing/fake-io.ts';
import { runProgram } from '../program.ts';

async function krmFunction(stdin: string) {
  const io = fakeIo({ stdin });
  const code = await runProgram(['krm-function'], io);
  return { code, ...io.written };
}

const gateway = `- apiVersion: evengate.dev/v1alpha1
  kind: ApiGateway
  metadata:
    name: edge # ours
    annotations:
      config.kubernetes.io/path: 'gateway.yaml'
      internal.config.kubernetes.io/path: 'base/gateway.yaml'
      internal.config.kubernetes.io/index: '1'
  spec:
    listeners:
    - {name: web, port: 80, protocol: HTTP}
`;
const foreign = `- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: "orders"}
  spec:
    replicas: 0x2
    template: &template
      text: |
        one
          two
    other: *template
`;
const list = (items: string, more = '') => `apiVersion: config.kubernetes.io/v1
kind: ResourceList
${more}items:
${items}`;
const broken = gateway.replace('HTTP}', 'HTPP}');
const config = (spec: string) =>
  `functionConfig:\n  apiVersion: evengate.dev/v1alpha1\n  kind: EvengateLint\n  metadata: {name: lint}\n  spec: ${spec}\n`;
const route = `- apiVersion: evengate.dev/v1alpha1
  kind: Route
  metadata: {name: orders}
  spec:
    parentRefs: [{name: elsewhere}]
    rules:
    - name: all
      backendRefs: [{name: orders, port: 80}]
`;

test('what is well comes back byte by byte', async () => {
  const text = list(gateway + foreign);
  expect(await krmFunction(text)).toEqual({ code: 0, stdout: text, stderr: '' });
});

test('a mistake: results name object, field and file; the items stay as they are', async () => {
  const text = list(foreign + broken);
  const { code, stdout, stderr } = await krmFunction(text);
  expect(code).toBe(1);
  expect(stdout.startsWith(`${text}results:\n`)).toBe(true);
  expect((parse(stdout) as { results: unknown }).results).toEqual([
    {
      message: expect.stringContaining('HTTP'),
      severity: 'error',
      resourceRef: { apiVersion: 'evengate.dev/v1alpha1', kind: 'ApiGateway', namespace: 'default', name: 'edge' },
      field: { path: 'spec.listeners[0].protocol' },
      file: { path: 'base/gateway.yaml', index: 1 },
      tags: { reason: 'Invalid' },
    },
  ]);
  expect(stderr).toMatch(/^error +Invalid +ApiGateway default\/edge /);
});

test('what may be elsewhere is a warning, also with strict; with complete an error', async () => {
  const severities = async (more: string) => {
    const { code, stdout } = await krmFunction(list(route, more));
    const { results } = parse(stdout) as { results: readonly { severity: string; tags: { reason: string } }[] };
    return [
      code,
      ...results.map(({ severity, tags }) => `${severity} ${tags.reason}`).toSorted((a, b) => (a < b ? -1 : 1)),
    ];
  };
  const missing = [0, 'warning BackendNotFound', 'warning NoMatchingParent'];
  expect(await severities('')).toEqual(missing);
  expect(await severities(config('{strict: true}'))).toEqual(missing);
  const refused = [1, 'error BackendNotFound', 'error NoMatchingParent'];
  expect(await severities(config('{complete: true}'))).toEqual(refused);
  const configMap = "functionConfig: {apiVersion: v1, kind: ConfigMap, data: {complete: 'true'}}\n";
  expect(await severities(configMap)).toEqual(refused);
});

test('results of an earlier run are replaced; JSON is taken, too', async () => {
  const old = 'results:\n- message: old\n';
  expect(parse((await krmFunction(`${list(gateway)}${old}`)).stdout)).toEqual(parse(list(gateway)));
  const json = JSON.stringify(parse(list(broken)));
  const { code, stdout } = await krmFunction(json);
  expect([code, parse(stdout)]).toEqual([1, { ...parse(list(broken)), results: [expect.anything()] }]);
});

test.each([
  ['kind: [', 'evengate: stdin cannot be read as one YAML document ('],
  ['kind: List\n', 'evengate: stdin is no ResourceList of config.kubernetes.io/v1; '],
  ['a: 1\n---\nb: 1\n', 'evengate: stdin cannot be read as one YAML document (MULTIPLE_DOCS)'],
  [list(gateway, config('{strikt: true}')), 'evengate: functionConfig is no EvengateLint; '],
  [list(gateway, config('{strict: 1}')), 'evengate: functionConfig is no EvengateLint; '],
])('refused: %j', async (stdin, sentence) => {
  const { code, stdout, stderr } = await krmFunction(stdin);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(sentence);
});

test('any items come back in their order', async () => {
  const item = fc.oneof(fc.constant(parse(gateway)[0]), fc.constant(parse(route)[0]), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 4 }), async (items) => {
      const text = stringify({ apiVersion: 'config.kubernetes.io/v1', kind: 'ResourceList', items });
      const { code, stdout } = await krmFunction(text);
      expect(code).toBeLessThan(2);
      expect((parse(stdout) as { items: unknown }).items).toEqual((parse(text) as { items: unknown }).items);
    }),
    { numRuns: 50 },
  );
});
