import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { reasons } from '../../status/finding.ts';
import { type FakeIoOptions, fakeIo } from '../../testing/fake-io.ts';
import { runProgram } from '../program.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lint-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `ROOT` stands for the temporary folder, in arguments and in what is printed. */
async function evengate(line: string, options: FakeIoOptions = {}): Promise<Outcome> {
  const io = fakeIo(options);
  const args = line.split(' ').map((arg) => arg.replace('ROOT', root));
  const code = await runProgram(args, io);
  const { stdout, stderr } = io.written;
  return { code, stdout: stdout.replaceAll(root, 'ROOT'), stderr: stderr.replaceAll(root, 'ROOT') };
}

const gateway = `apiVersion: evengate.dev/v1alpha1
kind: ApiGateway
metadata: {name: edge}
spec:
  listeners:
  - {name: web, port: 80, protocol: HTTP}
`;
const service = `apiVersion: v1
kind: Service
metadata: {name: orders}
spec: {ports: [{port: 80}]}
`;
const route = `apiVersion: evengate.dev/v1alpha1
kind: Route
metadata: {name: orders}
spec:
  parentRefs: [{name: edge}]
  rules:
  - name: read
    backendRefs:
    - {name: orders, port: 80}
`;
/** Another Route, of a host of its own. */
const more = route
  .replace('name: orders}', 'name: more}')
  .replace('spec:\n', 'spec:\n  hostnames: [more.example.com]\n');
const policy = `apiVersion: evengate.dev/v1alpha1
kind: AuthPolicy
metadata: {name: orders}
spec:
  targetRefs: [{kind: Route, name: orders}]
  authorize: {allow: [{name: anyone}]}
`;
const good = { 'gateway.yaml': gateway, 'service.yaml': service, 'routes/orders.yaml': `${route}---\n${policy}` };

test('nothing wrong: 0, no output, a summary', async () => {
  await write(good);
  expect(await evengate('lint -f ROOT')).toEqual({
    code: 0,
    stdout: '',
    stderr: '0 errors, 0 warnings in 4 objects\n',
  });
});

/** Each: the file, and the one line that it must give (columns joined by one space). */
const mistakes: readonly (readonly [what: string, text: string, line: string, code: number])[] = [
  ['YAML that cannot be parsed', 'kind: Route\nmetadata: {name: [}\n', 'bad.yaml:2:19 error Unreadable - - ', 2],
  [
    'an unknown kind',
    route.replace('kind: Route', 'kind: Rout').replace('name: orders}', 'name: more}'),
    'bad.yaml:2:1 error Invalid Rout default/more kind There is no kind "Rout" in evengate.dev/v1alpha1. Write kind: Route.',
    1,
  ],
  [
    'an unknown field',
    route.replace('name: orders}', 'name: more}').replace('parentRefs:', 'parentRef: []\n  parentRefs:'),
    'bad.yaml:5:3 error Invalid Route default/more spec.parentRef ',
    1,
  ],
  [
    'a wrong type',
    route.replace('name: orders}', 'name: more}').replace('port: 80', 'port: http'),
    'bad.yaml:9:22 error Invalid Route default/more spec.rules[0].backendRefs[0].port ',
    1,
  ],
  [
    'a duplicate',
    route,
    'routes/orders.yaml:3:12 error Conflicted Route default/orders metadata.name The same object is already written at ROOT/bad.yaml:1, which counts. Remove one of the two, or rename it.',
    1,
  ],
  [
    'a parent that does not exist',
    route.replace('name: orders}', 'name: more}').replace('name: edge', 'name: gone'),
    'bad.yaml:5:16 error NoMatchingParent Route default/more spec.parentRefs[0] ApiGateway default/gone does not exist',
    1,
  ],
  [
    'a backend that does not exist',
    route.replace('name: orders}', 'name: more}').replace('{name: orders, port', '{name: gone, port'),
    'bad.yaml:9:8 error BackendNotFound Route default/more spec.rules[0].backendRefs[0].name Service default/gone does not exist',
    1,
  ],
  [
    'a target that does not exist',
    policy.replace('name: orders}', 'name: more}').replace('Route, name: orders', 'Route, name: gone'),
    'bad.yaml:5:30 error TargetNotFound AuthPolicy default/more spec.targetRefs[0].name Route default/gone does not exist',
    1,
  ],
  [
    'a policy without effect, which is a warning',
    policy.replace('name: orders}', 'name: more}').replace(/ {2}authorize.*\n/, ''),
    'bad.yaml:4:1 warning NotGuarding AuthPolicy default/more spec ',
    0,
  ],
];

describe('each mistake is said with its place, object, field and remedy', () => {
  test.each(mistakes)('%s', async (_, text, line, code) => {
    await write({ ...good, 'bad.yaml': text });
    const outcome = await evengate('lint -f ROOT');
    const lines = outcome.stdout.split('\n').map((each) => each.replaceAll(/ {2,}/g, ' '));
    expect(lines).toContainEqual(expect.stringContaining(`ROOT/${line}`));
    for (const each of lines.slice(0, -1)) expect(each).toMatch(/\. [A-Z].*[.?]$/);
    expect(outcome.code).toBe(code);
  });
});

test('the other findings are printed beside what cannot be read, sorted by place', async () => {
  await write({ ...good, 'bad.yaml': 'a: [', 'more.yaml': more });
  const { code, stdout, stderr } = await evengate('lint -f ROOT ROOT/gone.yaml');
  expect(code).toBe(2);
  expect(stdout.split('\n').map((line) => line.split(/ +/).slice(0, 3).join(' '))).toEqual([
    expect.stringMatching(/^ROOT\/bad\.yaml:\d+:\d+ error Unreadable$/),
    'ROOT/gone.yaml:1:1 error Unreadable',
    'ROOT/more.yaml:8:5 error NotCovered',
    '',
  ]);
  expect(stderr).toBe('3 errors, 0 warnings in 5 objects\n');
});

test('columns are aligned', async () => {
  await write({ ...good, 'bad.yaml': policy.replaceAll('name: orders', 'name: gone'), 'service.yaml': '' });
  const { stdout } = await evengate('lint -f ROOT');
  const starts = stdout
    .trim()
    .split('\n')
    .map((line) => /error/.exec(line)?.index);
  expect(starts).toHaveLength(2);
  expect(new Set(starts).size).toBe(1);
});

describe('exit codes', () => {
  const warning = policy.replace('name: orders}', 'name: more}').replace(/ {2}authorize.*\n/, '');

  test('--strict counts warnings', async () => {
    await write({ ...good, 'warning.yaml': warning });
    expect(await evengate('lint -f ROOT')).toMatchObject({ code: 0, stderr: '0 errors, 1 warning in 5 objects\n' });
    expect(await evengate('lint --strict -f ROOT')).toMatchObject({ code: 1 });
  });

  test('no such path', async () => {
    const { code, stdout } = await evengate('lint -f ROOT/nowhere');
    expect(code).toBe(2);
    expect(stdout).toContain(
      'ROOT/nowhere:1:1  error  Unreadable  -  -  There is no such file or folder. Correct the path.',
    );
  });

  test('an empty folder', async () => {
    expect(await evengate('lint -f ROOT')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'evengate: ROOT: no object that Evengate reads; name files or folders that hold some.\n',
    });
  });

  test('stdin', async () => {
    const text = [gateway, service, route].join('---\n');
    const { code, stdout } = await evengate('lint -f -', { stdin: text });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^<stdin>:\d+:\d+ +error +NotCovered/);
  });
});

const wicked = policy.replace('name: orders}', 'name: "\\e[31m\\u202e"}');

test('control characters of a name never reach the terminal', async () => {
  await write({ ...good, 'wicked.yaml': wicked });
  const { stdout, code } = await evengate('lint -f ROOT');
  expect(code).toBe(1);
  expect(stdout).toContain('\\u{1b}[31m\\u{202e}');
  expect(stdout).not.toMatch(/[^\P{C}\n]/u);
});

test('a value of megabytes gives short lines', async () => {
  const huge = 'x'.repeat(2_000_000);
  const text = policy.replace('name: orders}', `name: ${huge}}`).replace('Route, name: orders', `Route, name: ${huge}`);
  await write({ ...good, 'huge.yaml': text });
  for (const format of ['text', 'json', 'sarif']) {
    const { code, stdout } = await evengate(`lint -o ${format} -f ROOT`);
    expect(code).toBe(1);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(4000);
  }
});

describe('-o json', () => {
  test('has every part of a finding, and the summary', async () => {
    await write({ ...good, 'more.yaml': more });
    const { code, stdout, stderr } = await evengate('lint -o json -f ROOT');
    expect(code).toBe(1);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      findings: [
        {
          severity: 'error',
          reason: 'NotCovered',
          file: 'ROOT/more.yaml',
          line: 8,
          column: 5,
          object: { kind: 'Route', namespace: 'default', name: 'more' },
          field: 'spec.rules[0]',
          message: expect.stringContaining('rule read answers 403'),
          remedy: expect.stringContaining('AuthPolicy'),
        },
      ],
      summary: { errors: 1, warnings: 0, objects: 5 },
    });
  });

  test('text that cannot be read has no object', async () => {
    await write({ ...good, 'bad.yaml': '{' });
    const { code, stdout } = await evengate('lint -o json -f ROOT');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ findings: [{ reason: 'Unreadable', object: null, field: '' }] });
  });

  test('is JSON also when there is nothing to lint', async () => {
    const { code, stdout } = await evengate('lint -o json -f ROOT');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ findings: [], summary: { errors: 0, warnings: 0, objects: 0 } });
  });
});

/** The part of the OASIS schema of SARIF 2.1.0 that we write; nothing else may be there. */
const closed = (required: readonly string[], properties: object) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});
const text = closed(['text'], { text: { type: 'string', minLength: 1 } });
const positive = { type: 'integer', minimum: 1 };
const word = { type: 'string', minLength: 1 };
const sarifSchema = closed(['$schema', 'version', 'runs'], {
  $schema: word,
  version: { const: '2.1.0' },
  runs: {
    type: 'array',
    minItems: 1,
    items: closed(['tool', 'results'], {
      tool: closed(['driver'], {
        driver: closed(['name', 'version', 'rules'], {
          name: word,
          version: word,
          rules: {
            type: 'array',
            uniqueItems: true,
            items: closed(['id', 'shortDescription'], { id: word, shortDescription: text }),
          },
        }),
      }),
      columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
      results: {
        type: 'array',
        items: closed(['ruleId', 'ruleIndex', 'level', 'message', 'locations'], {
          ruleId: word,
          ruleIndex: { type: 'integer', minimum: 0 },
          level: { enum: ['none', 'note', 'warning', 'error'] },
          message: text,
          locations: {
            type: 'array',
            items: closed([], {
              physicalLocation: closed(['artifactLocation', 'region'], {
                artifactLocation: closed(['uri'], { uri: { type: 'string', pattern: "^[A-Za-z0-9._~%/:!'()*-]+$" } }),
                region: closed(['startLine'], { startLine: positive, startColumn: positive }),
              }),
              logicalLocations: {
                type: 'array',
                items: closed([], { kind: word, fullyQualifiedName: word }),
              },
            }),
          },
        }),
      },
    }),
  },
});

describe('-o sarif', () => {
  test('keeps the structure of 2.1.0, and names a rule for every reason', async () => {
    await write({ ...good, 'b ü:%.yaml': more, 'bad.yaml': '{' });
    const { code, stdout } = await evengate('lint -o sarif -f ROOT');
    expect(code).toBe(2);
    const log = JSON.parse(stdout) as SarifLog;
    const validate = new Ajv({ strict: false }).compile(sarifSchema);
    expect([validate(log), validate.errors]).toEqual([true, null]);
    const [run] = log.runs;
    const ids = run?.tool.driver.rules.map(({ id }) => id) ?? [];
    expect(ids).toEqual([...Object.keys(reasons), 'Unreadable']);
    expect(run?.results.map(({ ruleId, ruleIndex }) => [ruleId, ids[ruleIndex]])).toEqual([
      ['NotCovered', 'NotCovered'],
      ['Unreadable', 'Unreadable'],
    ]);
    const place = run?.results[0]?.locations[0]?.physicalLocation;
    expect(place).toEqual({
      artifactLocation: { uri: 'file://ROOT/b%20%C3%BC:%25.yaml' },
      region: { startLine: 8, startColumn: 5 },
    });
  });

  test('relative paths stay relative, as code hosts want them', async () => {
    const { stdout } = await evengate('lint -o sarif -f -', { stdin: [gateway, service, route].join('---\n') });
    expect((JSON.parse(stdout) as SarifLog).runs[0]?.results[0]?.locations[0]?.physicalLocation).toMatchObject({
      artifactLocation: { uri: '%3Cstdin%3E' },
    });
  });
});

interface SarifLog {
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly locations: readonly { readonly physicalLocation: unknown }[];
    }[];
  }[];
}
