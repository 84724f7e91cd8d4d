/** Which values are objects that we read, under which names; everything else is ignored, or said. */
import type { KubeObject } from '../../kube/object.ts';
import { isWatchedKind, watchedKinds } from '../../kube/snapshot.ts';
import type { Finding } from '../../status/finding.ts';
import { typeCoreObject } from './core-shape.ts';
import { checkMetadata } from './metadata.ts';
import { closest, quoteShort } from './wording.ts';

/** `at` of problems and findings is relative to `prefix`, the object's own path in its document. */
export interface Admission {
  readonly objects: { readonly object: KubeObject; readonly prefix: string }[];
  readonly problems: { readonly at: string; readonly message: string; readonly remedy: string }[];
  readonly findings: { readonly finding: Finding; readonly prefix: string }[];
  complete: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const ourGroup = 'evengate.dev';
const ourVersion = 'evengate.dev/v1alpha1';
const ourKinds = Object.keys(watchedKinds).filter((kind) => isWatchedKind(kind) && watchedKinds[kind] === ourVersion);

/** The objects of one document's value; null (an empty document) has none. */
export function admit(value: unknown): Admission {
  const admission: Admission = { objects: [], problems: [], findings: [], complete: true };
  if (value !== null && value !== undefined) admitValue(value, '', admission);
  return admission;
}

function admitValue(value: unknown, prefix: string, into: Admission): void {
  if (!isFields(value)) {
    const found = Array.isArray(value) ? 'a list' : 'a single value';
    const remedy = 'Write one object with apiVersion, kind and metadata; part several by a line `---`';
    refuse(into, prefix, [`A Kubernetes object is expected, but this is ${found}`, remedy]);
    return;
  }
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== 'string' || apiVersion === '') refuseMissing('apiVersion', apiVersion, prefix, into);
  else if (typeof kind !== 'string' || kind === '') refuseMissing('kind', kind, prefix, into);
  else if (kind.endsWith('List') && Array.isArray(value['items'])) admitItems(value['items'], value, prefix, into);
  else admitObject(value, { apiVersion, kind }, prefix, into);
}

/** `kind: List`, and the typed lists of a server's answers, whose items leave out their apiVersion and kind. */
function admitItems(items: readonly unknown[], list: Fields, prefix: string, into: Admission): void {
  const kind = String(list['kind']).slice(0, -'List'.length);
  const implied = kind === '' ? {} : { apiVersion: list['apiVersion'], kind };
  for (const [index, item] of items.entries()) {
    const whole = isFields(item) && !('kind' in item) ? { ...implied, ...item } : item;
    admitValue(whole, join(prefix, `items[${index}]`), into);
  }
}

interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

function admitObject(fields: Fields, type: TypeMeta, prefix: string, into: Admission): void {
  const mistake = typeMistake(type);
  if (mistake === undefined && !isRead(type)) return;
  const metadata = isFields(fields['metadata']) ? fields['metadata'] : {};
  const name = metadata['name'];
  if (typeof name !== 'string' || name === '') {
    const message = `${mistake === undefined ? `The ${type.kind}` : 'The object'} has no metadata.name that is a string`;
    const at = name === undefined ? 'metadata' : 'metadata.name';
    refuse(into, join(prefix, at), [message, 'Set metadata.name, between quotes if it reads as a number']);
    return;
  }
  const checked = checkMetadata(type.kind, { ...metadata, name });
  if (mistake !== undefined) {
    into.findings.push({ finding: { ...mistake, about: checked.about, severity: 'error', reason: 'Invalid' }, prefix });
    into.complete = false;
    return;
  }
  const typed = typeCoreObject(fields, type.kind, checked.about);
  const findings = [...checked.findings, ...typed.findings];
  for (const finding of findings) into.findings.push({ finding, prefix });
  // A policy with a bad name still guards; dropping it could open what it targets.
  const guards = type.apiVersion === ourVersion && type.kind.endsWith('Policy');
  if (findings.length > 0 && !guards) into.complete = false;
  else into.objects.push({ object: { ...typed.fields, ...type, metadata: checked.metadata }, prefix });
}

function isRead({ apiVersion, kind }: TypeMeta): boolean {
  if (!isWatchedKind(kind)) return false;
  if (kind === 'ReferenceGrant') return apiVersion.startsWith('gateway.networking.k8s.io/');
  return apiVersion === watchedKinds[kind];
}

type Mistake = Pick<Finding, 'at' | 'message' | 'remedy'>;

/** Of our group or nearly so, yet nothing that exists: a policy that is misspelt must not be ignored in silence. */
function typeMistake({ apiVersion, kind }: TypeMeta): Mistake | undefined {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : apiVersion;
  if (group !== ourGroup) return ungrouped(apiVersion, kind) ?? misspeltGroup(group);
  if (!ourKinds.includes(kind)) {
    const meant = closest(kind, ourKinds);
    const remedy = meant === undefined ? `Use one of ${ourKinds.join(', ')}` : `Write kind: ${meant}`;
    return { at: 'kind', message: `There is no kind ${quoteShort(kind)} in ${ourVersion}`, remedy };
  }
  if (apiVersion === ourVersion) return undefined;
  const message = `The apiVersion ${quoteShort(apiVersion)} is not served; the version of ${ourGroup} is v1alpha1`;
  return { at: 'apiVersion', message, remedy: `Write apiVersion: ${ourVersion}` };
}

/** The core group has no such kinds: whoever wrote `v1` forgot the group. */
function ungrouped(apiVersion: string, kind: string): Mistake | undefined {
  if (apiVersion.includes('/') || !ourKinds.includes(kind)) return undefined;
  const message = `The kind ${kind} is not of ${quoteShort(apiVersion)} but of ${ourGroup}`;
  return { at: 'apiVersion', message, remedy: `Write apiVersion: ${ourVersion}` };
}

function misspeltGroup(group: string): Mistake | undefined {
  if (!group.startsWith('evengate') && closest(group, [ourGroup]) === undefined) return undefined;
  const message = `There is no API group ${quoteShort(group)}`;
  return { at: 'apiVersion', message, remedy: `Did you mean apiVersion: ${ourVersion}?` };
}

function refuseMissing(field: string, found: unknown, prefix: string, into: Admission): void {
  const message = found === undefined ? `The object has no ${field}` : `The object's ${field} is not a name`;
  const at = found === undefined ? '' : field;
  refuse(into, join(prefix, at), [message, `Set ${field}, or move what is no Kubernetes object to another folder`]);
}

function refuse(into: Admission, at: string, [message, remedy]: readonly [string, string]): void {
  into.problems.push({ at, message, remedy });
  into.complete = false;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `items[0]` and `metadata.name` to one path. */
export function join(prefix: string, path: string): string {
  return prefix === '' || path === '' ? prefix + path : `${prefix}.${path}`;
}
