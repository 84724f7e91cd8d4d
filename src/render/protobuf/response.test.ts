import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { leaf } from '../fragment.ts';
import { discoveryResponse, readResponse, tableResource } from './response.ts';

const head = '{"@type":"type.googleapis.com/envoy.config.route.v3.RouteConfiguration","name":"http-80"}';
const resource = tableResource({ head, virtualHosts: [leaf({ name: 'a', domains: ['a'] })] });

test('what was written can be told another version, without a look inside', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 127 }), (version) => {
      const found = readResponse(discoveryResponse(version, resource));
      expect(found?.version).toBe(version);
      expect([...(found?.resource ?? [])]).toEqual([...resource]);
    }),
  );
});

test.each([
  ['nothing', []],
  ['text', [...Buffer.from('{"version_info":"1"}')]],
  ['a version alone', [0x0a, 1, 0x31]],
  ['a version that is cut off', [0x0a, 9, 0x31]],
])('%s is no response of ours', (_, bytes) => {
  expect(readResponse(Uint8Array.from(bytes))).toBeUndefined();
});
