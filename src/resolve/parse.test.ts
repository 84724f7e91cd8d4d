import { describe, expect, test } from '@jest/globals';
import { routeSchema } from '../api/route.ts';
import { goodSpecs } from '../testing/good-specs.ts';
import { parseRoute } from './parse.ts';

const object = (spec: unknown) => ({
  apiVersion: 'evengate.dev/v1alpha1',
  kind: 'Route',
  metadata: { name: 'orders', namespace: 'shop' },
  spec,
});

describe('a Route that is right is taken as it was written', () => {
  const smallest = { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [] }] };
  test.each([smallest, ...(goodSpecs['Route'] ?? [])])('%#', (spec) => {
    // Were a default or a transformation to enter the schema, parseRoute would have to use zod's copy.
    expect(routeSchema.parse(spec)).toStrictEqual(spec);
    const { parentRefs, hostnames, rules, findings } = parseRoute(object(spec));
    expect(findings).toEqual([]);
    expect({ parentRefs, hostnames, rules: rules.map((rule) => (rule.kind === 'rule' ? rule.spec : rule)) }).toEqual({
      hostnames: undefined,
      ...spec,
    });
  });
});
