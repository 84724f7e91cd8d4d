/** Which cases Istio's tests have, read from the very module that the oracle is built from: none of them may be left out in silence. */

/** Rows of each test of `authz_test.go`, by their places; a test without a table is one row. */
export function rowsByPlace(source: string): ReadonlyMap<string, readonly number[]> {
  return new Map(
    testsIn(source).map(([name, body]) => {
      const rows = [...body.matchAll(/^\t+(?:testCase)?\{\n(?:.*\n)*?\t+\}[,)]/gm)];
      return [name, rows.length === 0 ? [0] : rows.map((_, index) => index)];
    }),
  );
}

/** Of `jwt_test.go`: `sub-test/name`. */
export function rowsByName(source: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    testsIn(source).map(([name, body]) => {
      const names: string[] = [];
      let part = '';
      for (const { groups } of body.matchAll(/NewSubTest\("(?<part>[^"]+)"\)|name:\s+"(?<name>(?:[^"\\]|\\.)+)"/g)) {
        if (groups?.['part'] === undefined) names.push(`${part}/${groups?.['name']?.replaceAll('\\"', '"') ?? ''}`);
        else part = groups['part'];
      }
      return [name, names];
    }),
  );
}

/** Of `normalization_test.go`: how many pairs each table spells out. */
export function pairsByTable(source: string): ReadonlyMap<string, number> {
  const tables = [...source.matchAll(/^\t{4}\{\n(?:.*\n)*?\t{4}\},/gm)].map(([text]) => text);
  return new Map(
    tables.map((text) => [
      /^\s+(?:name:\s+)?"(\w+)"/m.exec(text)?.[1] ?? '',
      [...text.matchAll(/^\t{6}\{.+\},$/gm)].length,
    ]),
  );
}

/** `name: "…"` of the rows of one table-driven unit test. */
export function namesIn(source: string, test: string): readonly string[] {
  const [, body = ''] = testsIn(source).find(([name]) => name === test) ?? [];
  return [...body.matchAll(/name:\s+"((?:[^"\\]|\\.)+)"/g)].map(([, name = '']) => name);
}

function testsIn(source: string): readonly (readonly [name: string, body: string])[] {
  return source
    .split(/^func /m)
    .filter((part) => part.startsWith('Test'))
    .map((part) => [/^\w+/.exec(part)?.[0] ?? '', part] as const);
}
