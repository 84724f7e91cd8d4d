/** The fields of core and Istio's kinds that we read have the types of src/kube and src/istio; nobody else checks objects from a file. */
import { z } from 'zod';
import type { ObjectRef } from '../../kube/object.ts';
import type { WatchedKind } from '../../kube/snapshot.ts';
import type { Finding } from '../../status/finding.ts';

const text = z.string().optional();
const texts = z.record(z.string(), z.string()).optional();
const portNumber = z.int().min(1).max(65535);

const servicePort = z.looseObject({
  name: text,
  port: portNumber,
  targetPort: z.union([portNumber, z.string()]).optional(),
  protocol: text,
  appProtocol: text,
});

const container = z.looseObject({
  name: z.string(),
  ports: z.array(z.looseObject({ name: text, containerPort: portNumber, protocol: text })).optional(),
});

const mode = z.looseObject({ mode: z.string() }).optional();
const list = z.array(z.string()).optional();
const scope = {
  selector: z.looseObject({ matchLabels: texts }).optional(),
  targetRefs: z.array(z.looseObject({ group: text, kind: z.string(), name: z.string() })).optional(),
};
const source = z.record(z.string(), list);
const rule = z.looseObject({
  from: z.array(z.looseObject({ source: source.optional() })).optional(),
  to: z.array(z.looseObject({ operation: source.optional() })).optional(),
  when: z.array(z.looseObject({ key: z.string(), values: list, notValues: list })).optional(),
});

const shapes: Partial<Record<WatchedKind, z.ZodType>> = {
  Service: z.looseObject({
    spec: z
      .looseObject({
        type: text,
        externalName: text,
        clusterIP: text,
        selector: texts,
        ports: z.array(servicePort).optional(),
      })
      .optional(),
  }),
  ConfigMap: z.looseObject({ data: texts }),
  Secret: z.looseObject({ type: text, data: texts, stringData: texts }),
  Pod: z.looseObject({
    spec: z
      .looseObject({
        serviceAccountName: text,
        containers: z.array(container).optional(),
        initContainers: z.array(container).optional(),
      })
      .optional(),
    status: z.looseObject({ phase: text }).optional(),
  }),
  AuthorizationPolicy: z.looseObject({
    spec: z.looseObject({ ...scope, action: text, rules: z.array(rule).optional() }).optional(),
  }),
  RequestAuthentication: z.looseObject({
    spec: z
      .looseObject({
        ...scope,
        jwtRules: z.array(z.looseObject({ issuer: z.string(), jwks: text, jwksUri: text })).optional(),
      })
      .optional(),
  }),
  PeerAuthentication: z.looseObject({
    spec: z
      .looseObject({ selector: scope.selector, mtls: mode, portLevelMtls: z.record(z.string(), mode).optional() })
      .optional(),
  }),
  ReferenceGrant: z.looseObject({
    spec: z
      .looseObject({
        from: z.array(z.looseObject({ group: z.string(), kind: z.string(), namespace: z.string() })).optional(),
        to: z.array(z.looseObject({ group: z.string(), kind: z.string(), name: text })).optional(),
      })
      .optional(),
  }),
};

/** At most this many findings an object: the first ones say what to mend. */
const most = 20;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The object as its type says, if there are no findings; kinds of ours pass, their schemas come later. Messages name
 * types, never values: they may be a Secret's.
 */
export function typeCoreObject(
  written: Fields,
  kind: string,
  about: ObjectRef,
): { readonly fields: Fields; readonly findings: readonly Finding[] } {
  const shape = Object.hasOwn(shapes, kind) ? shapes[kind as WatchedKind] : undefined;
  if (shape === undefined) return { fields: written, findings: [] };
  const fields = withoutNulls(written);
  const issues = shape.safeParse(fields).error?.issues ?? [];
  const findings = issues.slice(0, most).map((issue): Finding => {
    const at = pathOf(issue.path);
    return { about, severity: 'error', reason: 'Invalid', at, message: messageOf(at, issue), remedy: remedyOf(issue) };
  });
  return { fields, findings };
}

/** An API server takes null for a field that is left out. */
function withoutNulls(fields: Fields): Fields {
  const kept = Object.entries(fields).filter(([, value]) => value !== null);
  return Object.fromEntries(kept.map(([key, value]) => [key, isFields(value) ? withoutNulls(value) : value] as const));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(at: string, issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return `${at} is missing or is not ${nameOfType(issue.expected)}`;
  return `${at} is not a number from 1 to 65535${issue.code === 'invalid_union' ? ' or a name' : ''}`;
}

function remedyOf(issue: z.core.$ZodIssue): string {
  const isText = issue.code === 'invalid_type' && issue.expected === 'string';
  return isText ? 'Set it, between quotes if it reads as a number, a boolean or null' : 'Correct the value';
}

function nameOfType(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    record: 'a map',
    object: 'a map',
    array: 'a list',
    int: 'an integer',
  };
  return names[expected] ?? `a ${expected}`;
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((before, part) => {
    if (typeof part === 'number') return `${before}[${part}]`;
    const name = String(part);
    const step = name.length > 253 ? `${name.slice(0, 252)}…` : name;
    return before === '' ? step : `${before}.${step}`;
  }, '');
}
