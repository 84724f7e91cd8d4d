/** An object's name, namespace, labels and annotations, as an API server would take them. */
import type { ObjectMeta, ObjectRef } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';

type Fields = Readonly<Record<string, unknown>>;

interface CheckedMetadata {
  readonly metadata: ObjectMeta;
  readonly about: ObjectRef;
  readonly findings: readonly Finding[];
}

type Complaint = Pick<Finding, 'at' | 'message' | 'remedy'>;

/** Findings mean that an API server would refuse the object; its metadata is well-typed all the same. */
export function checkMetadata(kind: string, written: Fields & { readonly name: string }): CheckedMetadata {
  const { namespace: _, labels, annotations, ...rest } = written;
  const complaints: Complaint[] = [];
  const namespace = kind === 'Namespace' ? undefined : namespaceOf(written['namespace'], complaints);
  checkName(kind, written.name, complaints);
  const metadata: ObjectMeta = {
    ...rest,
    name: written.name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels: stringsOf(labels, 'labels', complaints) }),
    ...(annotations === undefined ? {} : { annotations: stringsOf(annotations, 'annotations', complaints) }),
  };
  const about = { kind: shorten(kind), namespace: shorten(namespace ?? ''), name: shorten(written.name) };
  const findings = complaints.map((complaint): Finding => {
    return { about, severity: 'error', reason: 'Invalid', ...complaint };
  });
  return { metadata, about, findings };
}

function namespaceOf(written: unknown, complaints: Complaint[]): string {
  if (written === undefined || written === null || written === '') return 'default';
  if (typeof written === 'string' && isLabel(written)) return written;
  complaints.push({
    at: 'metadata.namespace',
    message: 'metadata.namespace is not an RFC 1123 label',
    remedy: 'Use at most 63 lower-case letters, digits and hyphens, between quotes if it reads as a number',
  });
  return typeof written === 'string' ? written : 'default';
}

/** Namespaces and Services are DNS labels; every other name is a DNS subdomain. */
function checkName(kind: string, name: string, complaints: Complaint[]): void {
  const isShort = kind === 'Namespace' || kind === 'Service';
  if (isShort ? isLabel(name) : isSubdomain(name)) return;
  const [what, limit] = isShort ? ['label', '63'] : ['subdomain', '253'];
  const dots = isShort ? '' : ', dots';
  complaints.push({
    at: 'metadata.name',
    message: `metadata.name is not an RFC 1123 ${what}`,
    remedy: `Use at most ${limit} lower-case letters, digits${dots} and hyphens, a letter or digit first and last`,
  });
}

function stringsOf(written: unknown, field: string, complaints: Complaint[]): Readonly<Record<string, string>> {
  if (written === null) return {};
  if (typeof written !== 'object' || Array.isArray(written)) {
    const message = `metadata.${field} is not a map of strings`;
    complaints.push({ at: `metadata.${field}`, message, remedy: 'Write entries `key: value`' });
    return {};
  }
  const entries = Object.entries(written);
  const strings = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  for (const [key, value] of entries) {
    if (typeof value === 'string') continue;
    const message = `metadata.${field} has a value that is not a string`;
    complaints.push({ at: `metadata.${field}.${shorten(key)}`, message, remedy: 'Put the value between quotes' });
  }
  return Object.fromEntries(strings);
}

function isLabel(name: string): boolean {
  return name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
}

function isSubdomain(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);
}

/** A ref is printed in every message about the object. */
function shorten(text: string): string {
  return text.length > 253 ? `${text.slice(0, 252)}…` : text;
}
