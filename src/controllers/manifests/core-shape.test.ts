import { describe, expect, test } from '@jest/globals';
import { parseFile } from './parse.ts';

function parse(kind: string, rest: string): ReturnType<typeof parseFile> {
  return parseFile({ path: 'a.yaml', text: `apiVersion: v1\nkind: ${kind}\nmetadata: {name: a}\n${rest}\n` });
}

describe('core kinds have the types that we read', () => {
  test.each([
    ['Service', 'spec: {ports: web}', ['4:8 spec.ports is missing or is not a list']],
    ['Service', 'spec: {ports: [{port: "80"}]}', ['4:17 spec.ports[0].port is missing or is not a number']],
    ['Service', 'spec: {ports: [{}]}', ['4:16 spec.ports[0].port is missing or is not a number']],
    ['Service', 'spec: {ports: [{port: 70000}]}', ['4:17 spec.ports[0].port is not a number from 1 to 65535']],
    ['Service', 'spec: {selector: {app: 1}}', ['4:19 spec.selector.app is missing or is not a string']],
    ['Secret', 'stringData: {a: 12345}', ['4:14 stringData.a is missing or is not a string']],
    ['ConfigMap', 'data: [a]', ['4:1 data is missing or is not a map']],
    ['Pod', 'spec: {containers: [{}]}', ['4:21 spec.containers[0].name is missing or is not a string']],
  ])('%s %s', (kind, rest, expected) => {
    const file = parse(kind, rest);
    expect(file.findings.map(({ position, message }) => `${position.line}:${position.column} ${message}`)).toEqual(
      expected,
    );
    expect(file.objects).toEqual([]);
    expect(JSON.stringify(file.findings)).not.toContain('12345');
  });

  test('an AuthorizationPolicy that Istio would refuse is none', () => {
    const text =
      'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {rules: [{to: [{operation: {paths: /a}}]}]}\n';
    const file = parseFile({ path: 'a.yaml', text });
    expect(file.findings.map(({ at }) => at)).toEqual(['spec.rules[0].to[0].operation.paths']);
    expect([file.objects, file.complete]).toEqual([[], false]);
  });

  test('null is a field that is left out', () => {
    expect(parse('Secret', 'data: {a: null, b: eA==}\nstringData: null').objects[0]?.object).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a', namespace: 'default' },
      data: { b: 'eA==' },
    });
  });
});
