/** SARIF 2.1.0 (OASIS), as code hosts show it beside the lines of a pull request. */
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeRef } from '../../kube/object.ts';
import { reasons } from '../../status/finding.ts';
import { type PlacedFinding, unreadable } from '../findings.ts';

interface Rule {
  readonly id: string;
  readonly summary: string;
}

const rules: readonly Rule[] = [
  ...Object.entries(reasons).map(([id, { summary }]) => ({ id, summary })),
  { id: unreadable, summary: 'The text cannot be read as manifests.' },
];

export function sarifReport(findings: readonly PlacedFinding[], version: string): string {
  const log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'evengate', version, rules: rules.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: findings.map(resultOf),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf({ id, summary }: Rule): object {
  return { id, shortDescription: { text: summary } };
}

function resultOf(finding: PlacedFinding): object {
  const { severity, reason, message, remedy } = finding;
  return {
    ruleId: reason,
    ruleIndex: rules.findIndex(({ id }) => id === reason),
    level: severity,
    message: { text: `${message}. ${remedy}.` },
    locations: locationsOf(finding),
  };
}

function locationsOf({ position, object, field }: PlacedFinding): readonly object[] {
  const logical =
    object === undefined
      ? {}
      : { logicalLocations: [{ kind: 'object', fullyQualifiedName: `${describeRef(object)} ${field}`.trim() }] };
  if (position === undefined) return object === undefined ? [] : [logical];
  return [
    {
      physicalLocation: {
        artifactLocation: { uri: uriOf(position.file) },
        region: { startLine: position.line, startColumn: position.column },
      },
      ...logical,
    },
  ];
}

function uriOf(path: string): string {
  if (isAbsolute(path)) return pathToFileURL(path).href;
  // A relative reference whose first segment holds a colon would read as a scheme.
  return path
    .split('/')
    .map((part) => encodeURIComponent(part.toWellFormed()))
    .join('/');
}
