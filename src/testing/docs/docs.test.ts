/** What can be said of the documentation without a cluster; e2e/docs applies and runs it. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { buildProgram } from '../../cli/program.ts';
import { fakeIo } from '../fake-io.ts';
import { evengateCall, mistakesIn } from './commands.ts';
import { type Page, root } from './page.ts';
import { allPages, pages } from './pages.ts';
import { manifestsIn } from './script.ts';
import { commandsIn } from './shell.ts';
import { type Step, stepsOf } from './steps.ts';
import { unknownIn } from './vocabulary.ts';

const written = pages();
const all = new Map(allPages().map((page) => [page.path, page]));
const there = (path: string) => existsSync(join(root, path));

function stepsOfKind<K extends Step['kind']>(...wanted: readonly K[]) {
  return written.flatMap((page) =>
    stepsOf(page).flatMap((step) => (wanted.some((kind) => kind === step.kind) ? [{ page, step }] : [])),
  );
}

/** `../kinds/route.md#x` of a page: file, and anchor or ''. */
function targetOf(page: Page, href: string): readonly [path: string, anchor: string] {
  const [path = '', anchor = ''] = href.split('#');
  return [path === '' ? page.path : posix.normalize(posix.join(posix.dirname(page.path), path)), anchor];
}

test('every block has a language and a meaning', () => {
  for (const page of written) expect(() => stepsOf(page)).not.toThrow();
  expect(stepsOfKind('manifests').length).toBeGreaterThan(10);
  expect(stepsOfKind('commands').length).toBeGreaterThan(20);
});

test('manifests are YAML, and name their namespaces, so that it does not matter where somebody is', () => {
  const homeless = stepsOfKind('manifests').flatMap(({ page, step }) =>
    manifestsIn(step.block.text)
      .filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace === undefined)
      .map(({ kind, metadata }) => `${page.path}:${step.block.line}: ${kind} ${metadata.name}`),
  );
  expect(homeless).toEqual([]);
});

test('every link leads somewhere', () => {
  const dead = [...all.values()].flatMap((page) =>
    page.links.flatMap(({ text, line }) => {
      const [path, anchor] = targetOf(page, text);
      const found = there(path) && (anchor === '' || all.get(path)?.anchors.has(anchor) === true);
      return found ? [] : [`${page.path}:${line}: ${text}`];
    }),
  );
  expect(dead).toEqual([]);
});

test('every page can be reached from docs/README.md', () => {
  const reached = new Set<string>();
  const open = ['docs/README.md'];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    const page = all.get(path);
    for (const { text } of page?.links ?? []) {
      const [target] = targetOf(page as Page, text);
      const folder = there(target) && statSync(join(root, target)).isDirectory();
      open.push(
        ...(folder ? globSync('*.md', { cwd: join(root, target) }).map((name) => posix.join(target, name)) : [target]),
      );
    }
  }
  expect([...all.keys()].filter((path) => !reached.has(path))).toEqual([]);
});

test('every command of evengate is one, with its options', () => {
  const program = buildProgram({
    io: fakeIo(),
    end: () => undefined,
    runOperator: () => Promise.reject(new Error('not here')),
  });
  const inBlocks = stepsOfKind('commands', 'shown')
    .filter(({ step }) => step.block.language === 'sh')
    .map(({ page, step }) => ({ page, line: step.block.line, text: step.block.text }));
  const inSpans = written.flatMap((page) => page.spans.map((span) => ({ page, ...span })));
  const mistakes = [...inBlocks, ...inSpans].flatMap(({ page, line, text }) =>
    commandsIn(text)
      .map(evengateCall)
      .filter((words) => words !== undefined && words[0] !== '…')
      .flatMap((words) => mistakesIn(program, words ?? []))
      .map((mistake) => `${page.path}:${line}: ${mistake}`),
  );
  expect(mistakes).toEqual([]);
});

test('every value that a command sets is one of the chart', () => {
  const values = parse(readFileSync(join(root, 'charts/evengate/values.yaml'), 'utf8')) as Record<string, unknown>;
  const known = (path: string) =>
    path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], values) !==
    undefined;
  const set = stepsOfKind('commands', 'shown')
    .filter(({ step }) => step.block.language === 'sh')
    .flatMap(({ step }) => commandsIn(step.block.text))
    .flatMap((words) => words.filter((_, index) => words[index - 1] === '--set'))
    .flatMap((pairs) => pairs.split(',').map((pair) => pair.split('=')[0] ?? ''));
  expect(set.filter((path) => !known(path))).toEqual([]);
});

test('every metric, condition, reason, field, value and path in backticks is one', () => {
  const unknown = written.flatMap(({ path, spans }) =>
    spans.flatMap(({ text, line }) => unknownIn(text, there).map((name) => `${path}:${line}: ${name}`)),
  );
  expect(unknown).toEqual([]);
});

test('every alert has its heading', () => {
  const { groups } = parse(readFileSync(join(root, 'charts/evengate/rules.yaml'), 'utf8')) as {
    readonly groups: readonly {
      readonly rules: readonly { readonly annotations?: Readonly<Record<string, string>> }[];
    }[];
  };
  const runbooks = groups.flatMap(({ rules }) => rules.flatMap(({ annotations }) => annotations?.['runbook'] ?? []));
  expect(runbooks.length).toBeGreaterThan(10);
  const missing = runbooks.filter((runbook) => {
    const [path = '', anchor = ''] = runbook.split('#');
    return all.get(path)?.anchors.has(anchor) !== true;
  });
  expect(missing).toEqual([]);
});
