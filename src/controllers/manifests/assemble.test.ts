import { describe, expect, test } from '@jest/globals';
import { emptySnapshot } from '../../kube/snapshot.ts';
import { assemble } from './assemble.ts';
import { parseFile } from './parse.ts';
import type { ParsedFile } from './source.ts';

function file(path: string, ...objects: readonly string[]): ParsedFile {
  const documents = objects.map((object) => {
    const [kind, name] = object.split(' ');
    const version = kind === 'Service' ? 'v1' : 'evengate.dev/v1alpha1';
    return `apiVersion: ${version}\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: {in: ${path}}\n`;
  });
  return parseFile({ path, text: documents.join('---\n') });
}

describe('assemble', () => {
  test('nothing gives the empty snapshot', () => {
    expect(assemble([]).snapshot).toBe(emptySnapshot);
  });

  test('of duplicates the first by path and place wins, the others are said', () => {
    const files = [file('b.yaml', 'Route x', 'Route y'), file('a.yaml', 'Route z', 'Route x', 'Service x', 'Route x')];
    for (const order of [files, files.toReversed()]) {
      const set = assemble(order);
      expect(set.snapshot.Route.get('default/x')?.spec).toEqual({ in: 'a.yaml' });
      expect([...set.snapshot.Route.keys()]).toEqual(['default/z', 'default/x', 'default/y']);
      expect(set.findings.map(({ reason, position, message }) => [reason, position, message])).toEqual([
        [
          'Conflicted',
          { file: 'a.yaml', line: 18, column: 12 },
          'The same object is already written at a.yaml:6, which counts',
        ],
        [
          'Conflicted',
          { file: 'b.yaml', line: 3, column: 12 },
          'The same object is already written at a.yaml:6, which counts',
        ],
      ]);
    }
  });

  test('locates objects by their ref', () => {
    const set = assemble([file('a.yaml', 'Route x', 'Service x')]);
    const about = { kind: 'Service', namespace: 'default', name: 'x' };
    expect(set.locate(about, 'spec.in')).toEqual({ file: 'a.yaml', line: 9, column: 8 });
    expect(set.locate({ ...about, name: 'y' }, '')).toBeUndefined();
  });

  test('keeps the identity of every collection in which nothing changed', () => {
    const routes = file('a.yaml', 'Route x');
    const before = assemble([routes, file('b.yaml', 'Service x')]);
    expect(assemble([routes, file('c.yaml')], before).snapshot.Service.size).toBe(0);
    const same = assemble([routes, file('b.yaml', 'Service x')], before).snapshot;
    expect(same.Route).toBe(before.snapshot.Route);
    expect(same.Service).not.toBe(before.snapshot.Service);
    const after = assemble([routes, file('b.yaml', 'Service x', 'Service y')], before).snapshot;
    expect(after.Route).toBe(before.snapshot.Route);
    expect([...after.Service.keys()]).toEqual(['default/x', 'default/y']);
    expect(assemble([routes], assemble([routes])).snapshot.Route.get('default/x')).toBe(
      before.snapshot.Route.get('default/x'),
    );
  });

  test('the whole snapshot is the same if all collections are', () => {
    const files = [file('a.yaml', 'Route x')];
    const before = assemble(files);
    expect(assemble([...files, parseFile({ path: 'z.yaml', text: 'a: [' })], before).snapshot).toBe(before.snapshot);
  });
});
