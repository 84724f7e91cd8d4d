import { expect, test } from '@jest/globals';
import { decideInMesh } from './istio.ts';

test('nothing is about it', () => {
  expect(
    decideInMesh([], 'sidecar', {
      namespace: 'shop',
      labels: {},
      services: [],
      port: 80,
      method: 'GET',
      path: '/',
      host: 'h',
      headers: new Map(),
      directIp: '10.0.0.1',
      remoteIp: '10.0.0.1',
    }),
  ).toEqual({ admitted: true, because: 'unprotected', status: 200 });
});
