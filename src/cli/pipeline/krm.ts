/** `evengate krm-function`: lint as a KRM function of kustomize and kpt. Items pass as they are; results say what is wrong. */
import { z } from 'zod';
import { assemble } from '../../controllers/manifests/assemble.ts';
import { parseFile } from '../../controllers/manifests/parse.ts';
import { resolver } from '../../resolve/resolve.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type PlacedFinding, placeFindings, textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain } from '../load.ts';
import { type FunctionResult, type ResourceList, readResourceList, UnusableInput } from './krm-list.ts';
import { findingsOfPart, type PartOptions, readText } from './part.ts';

export async function krmFunction(io: Io): Promise<ExitCode> {
  const text = await readText(io.stdin);
  try {
    if (text === undefined) throw new UnusableInput('stdin is not UTF-8; hand over a ResourceList');
    const list = readResourceList(text);
    const options = readConfig(list.functionConfig);
    const items = itemsOf(list.items);
    const findings = findingsOfPart(lintItems(items), options);
    // kustomize shows stderr alone. Lines and columns are those of no file.
    const shown = findings.map((finding) =>
      finding.object === undefined ? finding : { ...finding, position: undefined },
    );
    io.stderr.write(textReport(shown, io.stderr));
    io.stdout.write(list.withResults(findings.map((finding) => resultOf(finding, items))));
    return findings.some(({ severity }) => severity === 'error') ? exitCodes.findings : exitCodes.done;
  } catch (error) {
    if (!(error instanceof UnusableInput)) throw error;
    complain(io, error.message);
    return exitCodes.unusable;
  }
}

const metadata = z.looseObject({}).optional();
const inWords = z.stringbool({ truthy: ['true'], falsy: ['false'] });
const config = z.union([
  z
    .strictObject({
      apiVersion: z.literal('evengate.dev/v1alpha1'),
      kind: z.literal('EvengateLint'),
      metadata,
      spec: z.strictObject({ strict: z.boolean().optional(), complete: z.boolean().optional() }).default({}),
    })
    .transform(({ spec }) => spec),
  // What kpt makes of `configMap:`.
  z
    .strictObject({
      apiVersion: z.literal('v1'),
      kind: z.literal('ConfigMap'),
      metadata,
      data: z.strictObject({ strict: inWords.optional(), complete: inWords.optional() }).default({}),
    })
    .transform(({ data }) => data),
]);

function readConfig(given: unknown): PartOptions {
  if (given === undefined) return {};
  const read = config.safeParse(given);
  if (!read.success) {
    const wanted = 'apiVersion: evengate.dev/v1alpha1, kind: EvengateLint and, below spec, strict or complete';
    throw new UnusableInput(`functionConfig is no EvengateLint; write ${wanted}, each true or false`);
  }
  const { strict = false, complete = false } = read.data;
  return { strict, complete };
}

/** By what findings call its place. */
type Items = ReadonlyMap<string, Item>;

interface Item {
  readonly text: string;
  readonly apiVersion: string;
  readonly file: FunctionResult['file'];
}

const identity = z
  .object({
    apiVersion: z.string().catch(''),
    metadata: z.object({ annotations: z.record(z.string(), z.unknown()).catch({}) }).catch({ annotations: {} }),
  })
  .catch({ apiVersion: '', metadata: { annotations: {} } });

function itemsOf(items: ResourceList['items']): Items {
  const named = new Map<string, Item>();
  for (const [number, item] of items.entries()) {
    const {
      apiVersion,
      metadata: { annotations },
    } = identity.parse(item); // of any value, as each part may be absent
    const file = fileOf(annotations);
    const place = file === undefined ? `item ${number + 1}` : `${file.path}[${file.index ?? 0}]`;
    const label = named.has(place) ? `${place} (item ${number + 1})` : place;
    named.set(label, { text: JSON.stringify(item), apiVersion, file });
  }
  return named;
}

/** Where the item was written, as the orchestrator says. */
function fileOf(annotations: Readonly<Record<string, unknown>>): FunctionResult['file'] {
  const value = (name: string) =>
    annotations[`internal.config.kubernetes.io/${name}`] ?? annotations[`config.kubernetes.io/${name}`];
  const path = value('path');
  if (typeof path !== 'string') return undefined;
  const index = Number(value('index') ?? Number.NaN);
  return Number.isInteger(index) ? { path, index } : { path };
}

function lintItems(items: Items): readonly PlacedFinding[] {
  const set = assemble([...items].map(([path, { text }]) => parseFile({ path, text })));
  return placeFindings(set, resolver()(set.snapshot).findings);
}

function resultOf(
  { severity, reason, position, object, field, message, remedy }: PlacedFinding,
  items: Items,
): FunctionResult {
  const item = items.get(position?.file ?? '');
  return {
    message: `${message}. ${remedy}.`,
    severity,
    ...(object === undefined ? {} : { resourceRef: { apiVersion: item?.apiVersion ?? '', ...object } }),
    ...(field === '' ? {} : { field: { path: field } }),
    ...(item?.file === undefined ? {} : { file: item.file }),
    tags: { reason },
  };
}
