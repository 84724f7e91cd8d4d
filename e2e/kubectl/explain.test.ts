/** `kubectl explain`: every field says what it means, in words that can be read on their own, with an example. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { kubectl } from '../cluster/use.ts';
import { clusterSuite } from '../operator/lib/suite.ts';
import { openWorld, type World } from '../operator/lib/world.ts';

const suite = await clusterSuite();
const golden = join(import.meta.dirname, 'explain.golden.txt');

/** Some of each kind, also deep ones; apigateways.spec is judged by its form, as every version adds to it. */
const paths = [
  'apigateways.spec.listeners',
  'routes.spec.rules',
  'routes.spec.rules.matches.path',
  'authpolicies.spec.authorize.allow',
  'authpolicies.spec.authenticate.jwt.jwks',
  'ratelimitpolicies.spec.limits',
];

let world: World;

/** With the group: other tests of this cluster may have kinds of the same names. */
const explain = (path: string) => kubectl(['explain', path, '--api-version=evengate.dev/v1alpha1']);

suite('kubectl explain', () => {
  beforeAll(async () => {
    // The CRDs of this tree.
    world = await openWorld('e2e-explain');
  }, 60_000);
  afterAll(async () => {
    await world?.end();
  });

  test('reads well: its text, as it was approved', async () => {
    const texts: string[] = [];
    for (const path of paths) texts.push(`$ kubectl explain ${path}\n${await explain(path)}`);
    const text = texts.map((one) => one.replaceAll(/ +$/gm, '')).join('\n');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, 'utf8'));
  });

  test.each(['apigateways', 'routes', 'authpolicies', 'ratelimitpolicies'])(
    '%s: every field of its spec says what it is',
    async (plural) => {
      const text = await explain(`${plural}.spec`);
      const [, fields = ''] = text.split('FIELDS:\n');
      const entries = fields.split(/\n\n+/).filter((entry) => entry.trim() !== '');
      expect(entries.length).toBeGreaterThan(1);
      for (const entry of entries) expect(entry.replaceAll(/\s+/g, ' ')).toMatch(/^ ?\S+ <\S+.* [A-Z].*\. Example: \S/);
    },
  );
});
