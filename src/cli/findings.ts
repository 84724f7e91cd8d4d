/** Findings as people and tools read them; `lint`, `render` and `run` print the same ones. */
import type { ManifestSet } from '../controllers/manifests/assemble.ts';
import type { InputProblem, Position } from '../controllers/manifests/source.ts';
import { describeRef, type ObjectRef } from '../kube/object.ts';
import type { Collection } from '../kube/snapshot.ts';
import { cut } from '../status/conditions.ts';
import type { Finding, Reason, Severity } from '../status/finding.ts';
import type { Output, Style } from './io.ts';

/** Text that holds no readable object is no finding about one; it is printed alike all the same. */
export const unreadable = 'Unreadable';

export interface PlacedFinding {
  readonly severity: Severity;
  readonly reason: Reason | typeof unreadable;
  /** Undefined where no file holds the object. */
  readonly position: Position | undefined;
  /** Undefined for text that cannot be read. */
  readonly object: ObjectRef | undefined;
  readonly field: string;
  readonly message: string;
  readonly remedy: string;
}

export interface Summary {
  readonly errors: number;
  readonly warnings: number;
  readonly objects: number;
}

/** All that is wrong with the manifests, each with its place, sorted by it, without duplicates. */
export function placeFindings(set: ManifestSet, resolved: readonly Finding[]): readonly PlacedFinding[] {
  const placed = [
    ...set.problems.map(fromProblem),
    ...set.findings.map((finding) => fromFinding(finding, finding.position)),
    ...resolved.map((finding) => fromFinding(finding, set.locate(finding.about, finding.at))),
  ];
  return [...new Map(placed.map((one) => [identity(one), one])).values()].toSorted(compare);
}

function fromProblem({ position, message, remedy }: InputProblem): PlacedFinding {
  return { severity: 'error', reason: unreadable, position, object: undefined, field: '', message, remedy };
}

function fromFinding(finding: Finding, position: Position | undefined): PlacedFinding {
  const { about, at, severity, reason, message, remedy } = finding;
  const object = { kind: about.kind, namespace: cut(about.namespace, longestName), name: cut(about.name, longestName) };
  return { severity, reason, position, object, field: at, message: cut(message, longestMessage), remedy };
}

/** What Kubernetes allows; a file may hold names of any length, and messages that repeat them. */
const longestName = 253;
const longestMessage = 2000;

function identity({ position, object, reason, field, message }: PlacedFinding): string {
  return JSON.stringify([place(position), object === undefined ? '' : describeRef(object), reason, field, message]);
}

function compare(a: PlacedFinding, b: PlacedFinding): number {
  return (
    compareText(a.position?.file ?? '', b.position?.file ?? '') ||
    (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
    (a.position?.column ?? 0) - (b.position?.column ?? 0) ||
    compareText(a.reason, b.reason) ||
    compareText(identity(a), identity(b))
  );
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Of a cluster, objects of the namespace that is reported on; undefined for all. */
export function summarise(findings: readonly PlacedFinding[], set: ManifestSet, namespace?: string): Summary {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const all = Object.values(set.snapshot).flatMap((objects: Collection) => [...objects.values()]);
  const objects = all.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace).length;
  return { errors, warnings: findings.length - errors, objects };
}

/** `3 errors, 1 warning in 12 objects` */
export function summaryText({ errors, warnings, objects }: Summary): string {
  return `${count(errors, 'error')}, ${count(warnings, 'warning')} in ${count(objects, 'object')}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const severityStyles: Readonly<Record<Severity, Style>> = { error: 'red', warning: 'yellow' };

/** One line each, its columns aligned: place (where any has one), severity, reason, object, field, message and remedy. */
export function textReport(findings: readonly PlacedFinding[], output: Output): string {
  const rows = findings.map((finding) => ({ finding, cells: cellsOf(finding) }));
  const widths = [0, 1, 2, 3, 4].map((column) => widthOf(rows.map(({ cells }) => cells[column] ?? '')));
  // Objects of a cluster stand in no file.
  const places = findings.some(({ position }) => position !== undefined);
  const lines = rows.map(({ finding, cells }) => {
    const padded = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    const [at = '', severity = '', reason = '', object = '', field = ''] = padded;
    const text = [
      ...(places ? [output.style('bold', at)] : []),
      output.style(severityStyles[finding.severity], severity),
      reason,
      object,
      output.style('dim', field),
      `${printable(finding.message)}. ${output.style('dim', `${printable(finding.remedy)}.`)}`,
    ];
    return `${text.join('  ')}\n`;
  });
  return lines.join('');
}

/** One long name must not push every other line off the screen. */
const widestColumn = 60;

function widthOf(cells: readonly string[]): number {
  return cells.reduce((widest, { length }) => (length > widestColumn ? widest : Math.max(widest, length)), 0);
}

function cellsOf({ position, severity, reason, object, field }: PlacedFinding): readonly string[] {
  const name = object === undefined ? '-' : describeRef(object);
  return [place(position), severity, reason, name, field === '' ? '-' : field].map(printable);
}

function place(position: Position | undefined): string {
  return position === undefined ? '-' : `${position.file}:${position.line}:${position.column}`;
}

/** Control and direction characters would move the cursor or swap what is read; names and values may hold any. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** `{findings: [{severity, reason, file, line, column, object, field, message, remedy}], summary}` */
export function jsonReport(findings: readonly PlacedFinding[], summary: Summary): string {
  const list = findings.map(({ severity, reason, position, object, field, message, remedy }) => ({
    severity,
    reason,
    file: position?.file ?? null,
    line: position?.line ?? null,
    column: position?.column ?? null,
    object: object === undefined ? null : { kind: object.kind, namespace: object.namespace, name: object.name },
    field,
    message,
    remedy,
  }));
  return `${JSON.stringify({ findings: list, summary }, null, 2)}\n`;
}
