import { expect, test } from '@jest/globals';
import { fakeIo } from '../../testing/fake-io.ts';
import { runProgram } from '../program.ts';

async function postRender(stdin: string, ...words: readonly string[]) {
  const io = fakeIo({ stdin });
  const code = await runProgram(['post-render', ...words], io);
  return { code, ...io.written };
}

const gateway = `---
# Source: shop/templates/gateway.yaml
apiVersion: evengate.dev/v1alpha1
kind: ApiGateway
metadata: {name:   "edge"}
spec:
  listeners: [{name: web, port: 80, protocol: HTTP}]
`;
const route = `---
apiVersion: evengate.dev/v1alpha1
kind: Route
metadata: {name: orders}
spec:
  parentRefs: [{name: elsewhere}]
  rules: [{name: all, backendRefs: [{name: orders, port: 80}]}]
`;

test('what is well passes byte by byte, whatever else is in it', async () => {
  const text = `${gateway}---\r\napiVersion: v1\nkind: Namespace\nmetadata: {name: a, annotations: {word: "ü"}}\n...\n`;
  expect(await postRender(text)).toEqual({ code: 0, stdout: text, stderr: '' });
});

test('a chart without objects of ours passes', async () => {
  const text = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n';
  expect(await postRender(text)).toEqual({ code: 0, stdout: text, stderr: '' });
});

test('with a mistake nothing passes', async () => {
  const { code, stdout, stderr } = await postRender(gateway.replace('HTTP', 'HTPP'));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/error +Invalid +ApiGateway default\/edge +spec.listeners\[0\].protocol/);
  expect(stderr).toContain('\n1 error, 0 warnings in ');
});

test('what may be in the cluster is a warning, also with --strict, and with --complete an error', async () => {
  expect(await postRender(route, '--strict')).toMatchObject({
    code: 0,
    stdout: route,
    stderr: expect.stringMatching(/warning +NoMatchingParent +Route default\/orders +spec.parentRefs\[0\]/),
  });
  expect(await postRender(route, '--complete')).toMatchObject({ code: 1, stdout: '' });
});

test('text that cannot be read is refused', async () => {
  expect(await postRender('kind: [')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('Unreadable'),
  });
});
