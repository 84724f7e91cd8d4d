/** meta/v1 Status of what the API server refuses, in its own words. */
import type { ResourceType } from '../../kube/client.ts';
import type { JsonObject } from './json.ts';

export interface RefusalCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

interface Details extends JsonObject {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly retryAfterSeconds?: number;
}

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;
  readonly body: JsonObject;

  constructor(code: number, reason: string, message: string, more: RefusalOptions = {}) {
    super(message);
    this.code = code;
    const details: JsonObject = {
      ...more.details,
      ...(more.causes && { causes: more.causes.map((cause) => ({ ...cause })) }),
    };
    this.body = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: { ...(more.continue !== undefined && { continue: more.continue }) },
      status: 'Failure',
      message,
      ...(reason !== '' && { reason }),
      ...((more.details !== undefined || more.causes !== undefined) && { details }),
      code,
    };
  }
}

interface RefusalOptions {
  readonly details?: Details;
  readonly causes?: readonly RefusalCause[];
  /** Of a list that can go on inconsistently. */
  readonly continue?: string;
}

/** `routes.evengate.dev`. */
export function qualified({ plural, group }: ResourceType): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function detailsOf(type: ResourceType, name: string): Details {
  return { ...(name !== '' && { name }), ...(type.group !== '' && { group: type.group }), kind: type.plural };
}

export function notFound(type: ResourceType, name: string): Refusal {
  return new Refusal(404, 'NotFound', `${qualified(type)} "${name}" not found`, { details: detailsOf(type, name) });
}

export function alreadyExists(type: ResourceType, name: string): Refusal {
  const message = `${qualified(type)} "${name}" already exists`;
  return new Refusal(409, 'AlreadyExists', message, { details: detailsOf(type, name) });
}

export const modified = 'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(type: ResourceType, name: string, why: string): Refusal {
  const message = `Operation cannot be fulfilled on ${qualified(type)} "${name}": ${why}`;
  return new Refusal(409, 'Conflict', message, { details: detailsOf(type, name) });
}

/** Server-side apply's conflict: one cause a field and manager. */
export function applyConflict(causes: readonly RefusalCause[]): Refusal {
  const [only] = causes;
  const listed = causes.map(({ message, field = '' }) => `${message}: ${field}`);
  const text =
    causes.length === 1 && only !== undefined
      ? `Apply failed with 1 conflict: ${listed[0]}`
      : `Apply failed with ${causes.length} conflicts: ${listed.join('\n')}`;
  return new Refusal(409, 'Conflict', text, { causes });
}

export function invalid(type: ResourceType, name: string, causes: readonly RefusalCause[]): Refusal {
  const listed = [...new Set(causes.map(({ field = '', message }) => `${field}: ${message}`))];
  const text = listed.length === 1 ? listed[0] : `[${listed.join(', ')}]`;
  const kind = type.group === '' ? type.kind : `${type.kind}.${type.group}`;
  const details = { ...detailsOf(type, name), kind: type.kind };
  return new Refusal(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, { details, causes });
}

export function forbidden(type: ResourceType, name: string, why: string): Refusal {
  const subject = name === '' ? qualified(type) : `${qualified(type)} "${name}"`;
  return new Refusal(403, 'Forbidden', `${subject} is forbidden: ${why}`, { details: detailsOf(type, name) });
}

/** Options in the query that do not go together: `ListOptions`, `PatchOptions`. */
export function forbiddenOption(kind: string, field: string, why: string): Refusal {
  const message = `Forbidden: ${why}`;
  const causes = [{ reason: 'FieldValueForbidden', message, field }];
  const text = `${kind}.meta.k8s.io "" is invalid: ${field}: ${message}`;
  return new Refusal(422, 'Invalid', text, { details: { group: 'meta.k8s.io', kind }, causes });
}

/** Of a path that no resource has. */
export function noSuchResource(): Refusal {
  return new Refusal(404, 'NotFound', 'the server could not find the requested resource', { details: {} });
}

export function notAllowed(): Refusal {
  const text = 'the server does not allow this method on the requested resource';
  return new Refusal(405, 'MethodNotAllowed', text, { details: {} });
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}

export function expired(message: string, token?: string): Refusal {
  return new Refusal(410, 'Expired', message, token === undefined ? {} : { continue: token });
}

const reasons: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  401: ['Unauthorized', 'Unauthorized'],
  403: ['Forbidden', 'forbidden'],
  404: ['NotFound', 'the server could not find the requested resource'],
  409: ['Conflict', `Operation cannot be fulfilled: ${modified}`],
  410: ['Expired', 'The resourceVersion for the provided watch is too old.'],
  422: ['Invalid', 'the object is invalid'],
  429: ['TooManyRequests', 'Too many requests, please try again later.'],
  500: ['InternalError', 'Internal error occurred: etcdserver: request timed out'],
  503: ['ServiceUnavailable', 'apiserver is shutting down'],
  504: ['Timeout', 'Timeout: request did not complete within the allotted timeout'],
};

/** What the server says with a status that a test injects. */
export function injected(code: number, message?: string, retryAfterSeconds?: number): Refusal {
  const [reason, text] = reasons[code] ?? ['InternalError', 'Internal error occurred'];
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  return new Refusal(code, reason, message ?? text, details);
}
