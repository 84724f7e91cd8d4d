import { describe, expect, test } from '@jest/globals';
import type { Placement } from '../ir/placement.ts';
import type { KubeObject } from '../kube/object.ts';
import { gateway, route, service, snapshotOf } from '../testing/build.ts';
import { compiler, type JsonObject, testPlacement } from '../testing/compile.ts';
import { loadEnvoyApi } from '../testing/envoy-api.ts';
import type { EdgeFile } from './edge.ts';
import { leaf } from './fragment.ts';
import { anyHost } from './protobuf/encode.ts';
import { tableResource } from './protobuf/response.ts';

/** About so many kilobytes of JSON. */
function world(kilobytes: number): readonly KubeObject[] {
  const set = ['a', 'b', 'c', 'd'].map((letter) => ({ name: `x-${letter}`, value: letter.repeat(2150) }));
  const routes = Array.from({ length: kilobytes / 10 }, (_, index) => {
    const name = `orders-${index}`;
    const rules = [{ name: 'all', backendRefs: [{ name: 'orders', port: 80 }], requestHeaders: { set } }];
    return route({ hostnames: [`${name}.example.com`], rules }, { name });
  });
  return [gateway({ defaultAccess: 'Public' }), service(), ...routes];
}

const small: Placement = { ...testPlacement, compactBefore: () => false };

/** The route table's file, in each of these worlds one after the other. */
function tables(placement: Placement, ...sizes: readonly number[]): readonly EdgeFile[] {
  const compile = compiler(placement);
  return sizes.map((size) => {
    const [edge] = compile(snapshotOf(world(size))).edges.values();
    const files = edge?.files.filter(({ subscription }) => subscription.kind === 'rds') ?? [];
    const lds = edge?.files.find(({ name }) => name === 'lds.json')?.text('1') ?? '';
    for (const { name } of files) expect(lds).toContain(`/etc/evengate/xds/..data/${name}"`);
    return files[0] as EdgeFile;
  });
}

describe('a large route table is protobuf', () => {
  const names = (placement: Placement, ...sizes: readonly number[]) =>
    tables(placement, ...sizes).map(({ name }) => name.split('.').at(-1));

  test('where files may not be large', () => {
    expect(names(testPlacement, 20, 200)).toEqual(['json', 'json']);
    expect(names(small, 20, 110, 150)).toEqual(['json', 'json', 'pb']);
  });

  test('until it has halved', () => {
    expect(names(small, 110, 150, 110, 80, 50, 80, 110, 150)).toEqual([
      'json',
      'pb',
      'pb',
      'pb',
      'json',
      'json',
      'json',
      'pb',
    ]);
  });

  test('after a restart as before it', () => {
    const compactBefore = (_: object, chain: string) => chain === 'http-80';
    expect(names({ ...testPlacement, compactBefore }, 100, 50, 100)).toEqual(['pb', 'json', 'json']);
  });

  test('and says what its JSON says, in any version', () => {
    const api = loadEnvoyApi();
    const [file] = tables(small, 200) as [EdgeFile];
    for (const version of ['', 'a.1', 'b.2']) {
      const { resources } = JSON.parse(file.text(version)) as { resources: readonly [JsonObject] };
      const message = 'envoy.service.discovery.v3.DiscoveryResponse';
      const wanted = api.encode({ '@type': `type.googleapis.com/${message}`, version_info: version, resources });
      const found = file.protobuf?.(version) ?? new Uint8Array();
      const read = JSON.stringify(api.decode(message, found));
      const usual = read.replaceAll(`"@type":"${anyHost}/`, '"@type":"type.googleapis.com/');
      expect(JSON.parse(usual)).toEqual(api.decode(message, wanted));
    }
  });
});

test('a virtual host that stays is encoded once', () => {
  let asked = 0;
  const host = (name: string) => {
    const made = leaf({ name, domains: [name] });
    return {
      ...made,
      text: () => {
        asked += 1;
        return made.text();
      },
    };
  };
  const [a, b, c] = [host('a'), host('b'), host('c')] as const;
  const head = '{"@type":"type.googleapis.com/envoy.config.route.v3.RouteConfiguration","name":"http-80"}';
  tableResource({ head, virtualHosts: [a, b] });
  tableResource({ head, virtualHosts: [c, b, a] });
  expect(asked).toBe(3);
});
