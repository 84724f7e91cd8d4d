import { accessSync, constants, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '../..');

test("krew's manifest is of this version, and starts what there is", () => {
  const { version, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly bin: Readonly<Record<string, string>>;
  };
  const { metadata, spec } = parse(readFileSync(join(root, 'plugins/krew/evengate.yaml'), 'utf8')) as {
    readonly metadata: { readonly name: string };
    readonly spec: {
      readonly version: string;
      readonly platforms: readonly { readonly bin: string; readonly uri: string }[];
    };
  };
  expect([metadata.name, spec.version]).toEqual(['evengate', `v${version}`]);
  for (const platform of spec.platforms) {
    expect(platform.bin).toBe(bin['kubectl-evengate']);
    expect(platform.uri).toContain(`evengate-${version}.tgz`);
    accessSync(join(root, platform.bin), constants.X_OK);
  }
});
