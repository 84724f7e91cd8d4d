import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type KubeApi, startKubeApi } from './index.ts';

let api: KubeApi;
beforeEach(async () => {
  api = await startKubeApi();
});
afterEach(() => api.stop());

const configMap = (name: string, data: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop' },
  data,
});

async function call(method: string, path: string, body?: unknown, contentType = 'application/json') {
  const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': contentType } };
  const response = await fetch(`${api.url}${path}`, { method, ...init });
  const text = await response.text();
  return { code: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

const configMaps = '/api/v1/namespaces/shop/configmaps';

describe('create, read, delete', () => {
  test('an object gets what only the server sets', async () => {
    const { code, body } = await call('POST', configMaps, configMap('a', { x: '1' }));
    expect(code).toBe(201);
    expect(body).toMatchObject({ kind: 'ConfigMap', data: { x: '1' }, metadata: { name: 'a', namespace: 'shop' } });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(await call('GET', `${configMaps}/a`)).toEqual({ code: 200, body });
    expect((await call('DELETE', `${configMaps}/a`)).body).toMatchObject({ status: 'Success', details: { name: 'a' } });
    expect(await call('GET', `${configMaps}/a`)).toMatchObject({
      code: 404,
      body: { kind: 'Status', reason: 'NotFound', message: 'configmaps "a" not found', code: 404 },
    });
    expect(api.writes.map(({ verb, name }) => `${verb} ${name}`)).toEqual(['create a', 'delete a']);
  });
});
