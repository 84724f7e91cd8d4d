import { describe, expect, test } from '@jest/globals';
import { parseFile } from './parse.ts';
import type { ParsedFile } from './source.ts';

function parse(text: string, path = 'a.yaml'): ParsedFile {
  return parseFile({ path, text });
}

function named(kind: string, name: string, rest = ''): string {
  const group = kind === 'Service' || kind === 'Namespace' || kind === 'Secret' ? 'v1' : 'evengate.dev/v1alpha1';
  return `apiVersion: ${group}\nkind: ${kind}\nmetadata:\n  name: ${name}\n${rest}`;
}

function keys(file: ParsedFile): string[] {
  return file.objects.map(({ object }) => `${object.kind} ${object.metadata.namespace ?? '-'}/${object.metadata.name}`);
}

/** Everything that a user would be told, one line each. */
function told(file: ParsedFile): string[] {
  return [...file.problems, ...file.findings].map(({ position, message, remedy }) => {
    return `${position.file}:${position.line}:${position.column} ${message}. ${remedy}`;
  });
}

describe('objects', () => {
  test.each([
    [
      'several documents',
      `${named('Route', 'a')}---\n${named('Route', 'b')}...\n---\n---\n# end\n`,
      ['Route default/a', 'Route default/b'],
    ],
    ['a namespace of its own', named('Route', 'a', '  namespace: shop\n'), ['Route shop/a']],
    ['a Namespace has none', named('Namespace', 'shop', '  namespace: x\n'), ['Namespace -/shop']],
    ['JSON', '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}', ['Service default/a']],
    [
      'JSON indented by tabs',
      '{\n\t"apiVersion": "v1",\n\t"kind": "Service",\n\t"metadata": {"name": "a"}\n}\n',
      ['Service default/a'],
    ],
    [
      'a byte order mark and CRLF',
      `\uFEFF${named('Route', 'a').replaceAll('\n', '\r\n')}---\r\n${named('Route', 'b')}`,
      ['Route default/a', 'Route default/b'],
    ],
    ['directives', `%YAML 1.2\n---\n${named('Route', 'a')}`, ['Route default/a']],
    [
      'List',
      'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n- {apiVersion: v1, kind: Node, metadata: {name: b}}\n',
      ['Service default/a'],
    ],
    [
      "a server's typed list",
      'apiVersion: evengate.dev/v1alpha1\nkind: RouteList\nitems:\n- metadata: {name: a}\n',
      ['Route default/a'],
    ],
    [
      'any version of ReferenceGrant',
      'apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\nmetadata: {name: a}\n',
      ['ReferenceGrant default/a'],
    ],
    ['an equal kind of another group', 'apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n', []],
    ['kinds that we do not read, even broken', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {}\n', []],
    ['nothing', '\n# nothing\n', []],
  ])('%s', (_, text, expected) => {
    const file = parse(text);
    expect(keys(file)).toEqual(expected);
    expect(told(file)).toEqual([]);
    expect(file.complete).toBe(true);
  });

  test('`---` inside a block scalar ends the document only at column 0', () => {
    const text = `${named('ConfigMap', 'a').replace('evengate.dev/v1alpha1', 'v1')}data:\n  x: |\n    ---\n    y\n---\n${named('Route', 'b')}`;
    expect(parse(text).objects[0]?.object).toMatchObject({ data: { x: '---\ny\n' } });
    expect(keys(parse(text))).toEqual(['ConfigMap default/a', 'Route default/b']);
  });
});

describe('what is left out, and what is said', () => {
  test.each([
    [
      '- 1\n',
      [
        'a.yaml:1:1 A Kubernetes object is expected, but this is a list. Write one object with apiVersion, kind and metadata; part several by a line `---`',
      ],
    ],
    [
      'hello\n',
      [
        'a.yaml:1:1 A Kubernetes object is expected, but this is a single value. Write one object with apiVersion, kind and metadata; part several by a line `---`',
      ],
    ],
    [
      'kind: Route\n',
      [
        'a.yaml:1:1 The object has no apiVersion. Set apiVersion, or move what is no Kubernetes object to another folder',
      ],
    ],
    [
      'apiVersion: v1\nkind: 7\n',
      ["a.yaml:2:1 The object's kind is not a name. Set kind, or move what is no Kubernetes object to another folder"],
    ],
    [
      'apiVersion: v1\nkind: Service\nmetadata: {namespace: x}\n',
      [
        'a.yaml:3:1 The Service has no metadata.name that is a string. Set metadata.name, between quotes if it reads as a number',
      ],
    ],
    [
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: 7\n',
      [
        'a.yaml:4:3 The Service has no metadata.name that is a string. Set metadata.name, between quotes if it reads as a number',
      ],
    ],
    [
      `# x\n---\n${named('AuthPolcy', 'a')}`,
      ['a.yaml:4:1 There is no kind "AuthPolcy" in evengate.dev/v1alpha1. Write kind: AuthPolicy'],
    ],
    [named('HTTPRoute', 'a'), ['a.yaml:2:1 There is no kind "HTTPRoute" in evengate.dev/v1alpha1. Write kind: Route']],
    [
      named('Banana', 'a'),
      [
        'a.yaml:2:1 There is no kind "Banana" in evengate.dev/v1alpha1. Use one of ApiGateway, Route, AuthPolicy, RateLimitPolicy',
      ],
    ],
    [
      named('Route', 'a').replace('v1alpha1', 'v1'),
      [
        'a.yaml:1:1 The apiVersion "evengate.dev/v1" is not served; the version of evengate.dev is v1alpha1. Write apiVersion: evengate.dev/v1alpha1',
      ],
    ],
    [
      named('AuthPolicy', 'a').replace('evengate.dev/v1alpha1', 'v1'),
      ['a.yaml:1:1 The kind AuthPolicy is not of "v1" but of evengate.dev. Write apiVersion: evengate.dev/v1alpha1'],
    ],
    [
      named('AuthPolicy', 'a').replace('.dev', '.io'),
      ['a.yaml:1:1 There is no API group "evengate.io". Did you mean apiVersion: evengate.dev/v1alpha1?'],
    ],
    [
      named('Route', 'A_b'),
      [
        'a.yaml:4:3 metadata.name is not an RFC 1123 subdomain. Use at most 253 lower-case letters, digits, dots and hyphens, a letter or digit first and last',
      ],
    ],
    [
      named('Service', 'a.b'),
      [
        'a.yaml:4:3 metadata.name is not an RFC 1123 label. Use at most 63 lower-case letters, digits and hyphens, a letter or digit first and last',
      ],
    ],
    [
      named('Route', 'a', '  namespace: a.b\n'),
      [
        'a.yaml:5:3 metadata.namespace is not an RFC 1123 label. Use at most 63 lower-case letters, digits and hyphens, between quotes if it reads as a number',
      ],
    ],
    [
      named('Namespace', 'a', '  labels:\n    x: 1\n'),
      ['a.yaml:6:5 metadata.labels has a value that is not a string. Put the value between quotes'],
    ],
    [
      'apiVersion: v1\nkind: List\nitems:\n- 1\n',
      [
        'a.yaml:4:3 A Kubernetes object is expected, but this is a single value. Write one object with apiVersion, kind and metadata; part several by a line `---`',
      ],
    ],
    [
      `${named('Route', 'a')}spec: {a: 1, a: 2}\n`,
      ['a.yaml:5:14 A map has the same key twice. Keep one of the two entries'],
    ],
  ])('%j', (text, expected) => {
    const file = parse(text);
    expect(told(file)).toEqual(expected);
    expect(keys(file)).toEqual([]);
    expect(file.complete).toBe(false);
  });

  test('a policy with a bad name still guards', () => {
    const file = parse(named('AuthPolicy', 'Bad_Name', '  labels: {x: 1, y: z}\n'));
    expect(file.findings.map(({ about, at }) => [about.kind, at])).toEqual([
      ['AuthPolicy', 'metadata.name'],
      ['AuthPolicy', 'metadata.labels.x'],
    ]);
    expect(file.objects[0]?.object.metadata.labels).toEqual({ y: 'z' });
    expect(file.complete).toBe(true);
  });

  test('one broken document leaves the others', () => {
    const file = parse(`${named('Route', 'a')}---\na: [\n---\n${named('Route', 'b')}`);
    expect(keys(file)).toEqual(['Route default/a', 'Route default/b']);
    expect(file.problems.map(({ position }) => position.line)).toEqual([7]);
  });

  test('messages never quote what stands in a Secret', () => {
    const hidden = 'hunter2';
    for (const data of [
      `x: "${hidden}\n`,
      `x: ${hidden}: y\n  ${hidden}`,
      `x: @${hidden}`,
      `x: *${hidden}`,
      `${hidden}`,
      `x: !${hidden}! y`,
    ]) {
      const file = parse(`${named('Secret', 'a')}data:\n  ${data}\n`);
      expect(JSON.stringify([file.problems, file.findings])).not.toContain(hidden);
    }
  });

  test('a kind of ten megabytes is not repeated', () => {
    expect(JSON.stringify(parse(named('x'.repeat(1e7), 'y'.repeat(1e7))).findings).length).toBeLessThan(2000);
  });

  test('a file over 64 MB is a problem', () => {
    expect(told(parse('#'.repeat(64 * 1024 * 1024 + 1)))).toEqual([
      'a.yaml:1:1 The file is larger than 64 MB. Split the file, or leave it out of the folder',
    ]);
  });
});

describe('places', () => {
  const text = [
    '# a comment',
    '---',
    'apiVersion: evengate.dev/v1alpha1',
    'kind: Route',
    'metadata:',
    '  name: a',
    '  annotations:',
    '    example.com/x.y: z',
    'spec:',
    '  rules:',
    '  - name: r',
    '    matches:',
    '    - {method: GET}',
    '    - path: {type: Exact, value: /x}',
    '    - *none',
    '---',
    'apiVersion: v1',
    'kind: List',
    'items:',
    '- apiVersion: evengate.dev/v1alpha1',
    '  kind: Route',
    '  metadata: {name: b}',
    '- {apiVersion: evengate.dev/v1alpha1, kind: Route, metadata: {name: c}, spec: &s {x: 1}, also: *s}',
  ].join('\n');
  const objects = parse(text.replace('*none', 'none')).objects;

  test.each([
    [0, '', 3, 1],
    [0, 'metadata', 5, 1],
    [0, 'metadata.annotations.example.com/x.y', 8, 5],
    [0, 'metadata.annotations["example.com/x.y"]', 8, 5],
    [0, 'spec.rules[0]', 11, 5],
    [0, 'spec.rules[0].matches[1].path.value', 14, 27],
    [0, 'spec.rules[0].matches[1].path.absent.more', 14, 7],
    [0, 'spec.rules[7].matches', 10, 3],
    [0, 'status.x', 3, 1],
    [1, '', 20, 3],
    [1, 'metadata.name', 22, 14],
    [2, '', 23, 3],
    [2, 'also.x', 23, 83],
  ])('object %d, %s', (index, path, line, column) => {
    expect(objects[index]?.locate(path)).toEqual({ file: 'a.yaml', line, column });
  });
});

describe('the next version of a file', () => {
  test('gives the same objects for documents with the same text, wherever they stand', () => {
    const before = parse(`${named('Route', 'a')}---\n${named('Route', 'b')}---\n${named('Route', 'c')}`);
    const after = parseFile(
      {
        path: 'a.yaml',
        text: `# new\n---\n${named('Route', 'b')}---\n${named('Route', 'a')}# x\n---\n${named('Route', 'c')}`,
      },
      before,
    );
    const [a, b, c] = before.objects.map(({ object }) => object);
    expect(keys(after)).toEqual(['Route default/b', 'Route default/a', 'Route default/c']);
    expect(after.objects[0]?.object).toBe(b);
    expect(after.objects[1]?.object).toEqual(a);
    expect(after.objects[2]?.object).toBe(c);
    expect(after.objects[2]?.locate('metadata.name').line).toBe(17);
  });
});
