/** What is made of the chart's one schema; Helm itself reads it in e2e/charts.test.ts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { isMap, isScalar, parse, parseDocument, type YAMLMap } from 'yaml';
import { kinds } from '../../../api/kinds.ts';
import type { JsonSchema } from '../../../schema/json-schema.ts';
import { permissions } from '../permissions.ts';
import { chartFiles, rights } from './files.ts';
import { defaults, valuesSchema } from './schema.ts';
import { chartValues } from './values.ts';

const root = join(import.meta.dirname, '../../../..');
const schema = valuesSchema(chartValues);

function committed(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Every object in the schema that takes what it does not name, by its path. */
function open(node: JsonSchema, at: string): readonly string[] {
  const { type, properties = {}, items, additionalProperties: values } = node;
  const below = Object.entries(properties).flatMap(([name, field]) => open(field, at === '' ? name : `${at}.${name}`));
  const inItems = items === undefined ? [] : open(items, `${at}[]`);
  const isTexts = typeof values === 'object' && values.type === 'string';
  return [...below, ...inItems, ...(type === 'object' && values !== false && !isTexts ? [at] : [])];
}

describe('values.yaml', () => {
  const text = committed('charts/evengate/values.yaml');

  test('holds the defaults, all of them and nothing else, and they are good', () => {
    expect(parse(text)).toEqual(defaults(schema));
    expect(chartValues.parse(parse(text))).toEqual(parse(text));
    const validate = new Ajv({ strict: false }).compile(schema);
    expect([validate(parse(text)), validate.errors]).toEqual([true, null]);
  });

  test('says of every value what it is', () => {
    const silent = (map: YAMLMap, known: JsonSchema): readonly string[] =>
      map.items.flatMap(({ key, value }) => {
        const name = isScalar(key) ? String(key.value) : '';
        const field = known.properties?.[name];
        if (field === undefined) return [];
        const commented = isScalar(key) && (key.commentBefore ?? map.commentBefore ?? '').length > 5;
        return [...(commented ? [] : [name]), ...(isMap(value) ? silent(value, field) : [])];
      });
    const { contents } = parseDocument(text);
    expect(isMap(contents) ? silent(contents, schema) : ['all']).toEqual([]);
  });
});

describe('values.schema.json', () => {
  test('is closed, but for what Kubernetes has a type for', () => {
    expect(open(schema, '')).toEqual([
      'imagePullSecrets[]',
      'resources',
      'podSecurityContext',
      'securityContext',
      'tolerations[]',
      'affinity',
      'topologySpreadConstraints[]',
      'updateStrategy',
      'extraEnv[]',
      'volumes[]',
      'volumeMounts[]',
      'networkPolicy.metricsFrom[]',
      'networkPolicy.egress[]',
      'metrics.serviceMonitor.relabelings[]',
      'metrics.serviceMonitor.metricRelabelings[]',
      'metrics.podMonitor.relabelings[]',
      'metrics.podMonitor.metricRelabelings[]',
      'extraObjects[]',
      'global',
    ]);
  });

  test('takes a file that says one thing only, as users write it', () => {
    const validate = new Ajv({ strict: false }).compile(schema);
    expect([validate({ image: { tag: '1' } }), validate.errors]).toEqual([true, null]);
  });
});

test('README.md has a row for every value', () => {
  const rows = committed('charts/evengate/README.md').matchAll(/^\| `([\w.]+)` \| [\w ]+ \| `(.*)` \| .{5,} \|$/gm);
  const told = Object.fromEntries([...rows].map(([, path, standard]) => [path, JSON.parse(standard ?? '')]));
  const leaves = (node: JsonSchema, at: string): readonly (readonly [string, unknown])[] =>
    Object.entries(node.properties ?? {}).flatMap(([name, field]) =>
      field.default === undefined ? leaves(field, `${at}${name}.`) : [[`${at}${name}`, field.default] as const],
    );
  expect(told).toEqual(Object.fromEntries(leaves(schema, '')));
});

test('the rights are those of the operator, told apart by who has them', () => {
  const spelled = (rules: ReturnType<typeof rights>['watched']) =>
    rules
      .flatMap(({ apiGroups, resources, verbs }) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${apiGroups.join()}/${resource}`)),
      )
      .toSorted();
  const { watched, secrets, cluster, own, keys } = rights();
  const all = permissions({ readSecrets: true });
  expect(spelled([...watched, ...secrets])).toEqual(spelled(all.watched));
  expect(new Set(secrets.flatMap(({ resources }) => resources))).toEqual(new Set(['secrets']));
  expect({ cluster, own: [...own, ...keys] }).toEqual({ cluster: all.cluster, own: all.own });
});

test('what looks like a template in a description is none', () => {
  const [first] = kinds;
  if (first === undefined) throw new Error('there are kinds');
  const tricky = [{ ...first, description: 'Write {{ .Values.x }} or {{`.' }];
  const files = chartFiles({
    kinds: tricky,
    version: '1.2.3',
    readme: '<!-- values: npm run gen -->\n<!-- end of values -->',
    example: '',
    install: '',
  });
  const text = files.get(`charts/evengate-crds/templates/evengate.dev_${first.plural}.yaml`) ?? '';
  const actions = [...text.matchAll(/\{\{(.*?)\}\}/g)].map(([, action]) => action?.trim());
  expect(actions).toEqual(['- include "evengate-crds.labels" . | nindent 4', '"{{"', '"{{"']);
  expect(text.replaceAll('{{ "{{" }}', '{{')).toContain('Write {{ .Values.x }} or {{`.');
});

test('charts without a place for the table are no charts', () => {
  const sources = { kinds, version: '1.2.3', readme: '# evengate', example: '', install: '' };
  expect(() => chartFiles(sources)).toThrow('charts/evengate/README.md has no place for the table of values');
});

test('a new definition finds its way into install.yaml, and what Helm has rendered stays', () => {
  const [first] = kinds;
  if (first === undefined) throw new Error('there are kinds');
  const install = '# head\nkind: CustomResourceDefinition\n---\nkind: Namespace\n';
  const readme = '<!-- values: npm run gen -->\n<!-- end of values -->';
  const files = chartFiles({ kinds: [first], version: '1.2.3', readme, example: '', install });
  const text = files.get('charts/install.yaml') ?? '';
  const [definition, namespace, ...more] = text.split('---\n');
  expect(parse(definition ?? '')).toMatchObject({
    metadata: { name: `${first.plural}.evengate.dev`, labels: { 'app.kubernetes.io/version': '1.2.3' } },
    spec: { names: { kind: first.kind } },
  });
  expect(text.startsWith('# head\napiVersion: ')).toBe(true);
  expect([namespace, more]).toEqual(['kind: Namespace\n', []]);
});
