/** What Istio's objects ask of a request. */

import type { AuthorizationPolicy, Rule, SecurityObject } from '../../istio/security.ts';
import { isTemplate } from '../../policy/template.ts';
import { questionOf } from '../istio/attributes.ts';
import type { MeshRequest } from '../istio/request.ts';
import { conditionField, type Field, operationFields, sourceFields } from '../istio/rule.ts';
import { type Atom, type AttributeName, addressAtom, atom, type Shape } from './atoms.ts';
import type { Known } from './edge-atoms.ts';

/** Of rules that may still match, given what is known. */
export function meshAtoms(objects: readonly SecurityObject[], known: Known): readonly Atom[] {
  return objects
    .filter(isAuthorization)
    .flatMap(({ spec, metadata }) =>
      (spec?.rules ?? []).flatMap((rule) => ruleAtoms(rule, metadata.namespace ?? '', known)),
    );
}

function isAuthorization(object: SecurityObject): object is AuthorizationPolicy {
  return object.kind === 'AuthorizationPolicy';
}

function ruleAtoms(rule: Rule, namespace: string, known: Known): readonly Atom[] {
  const to = (rule.to ?? []).map(({ operation }) => operationFields(operation));
  const open = to.filter((fields) => fields.every((field) => !isShut(field, namespace, known)));
  if (to.length > 0 && open.length === 0) return [];
  const from = (rule.from ?? []).map(({ source }) => sourceFields(source));
  const fields = [...open, ...from].flat().concat((rule.when ?? []).map(conditionField));
  return fields.flatMap((field) => fieldAtoms(field, namespace));
}

/** No value is wanted that is there, or one is there that is not. */
function isShut({ key, values, notValues }: Field, namespace: string, known: Known): boolean {
  const answersTo = (texts: readonly string[]) =>
    fieldAtoms({ key, values: texts, notValues: [] }, namespace).map((one) => known(one));
  const wanted = answersTo(values);
  return (wanted.length > 0 && wanted.every((answer) => answer === false)) || answersTo(notValues).includes(true);
}

const attributes: Readonly<Record<string, AttributeName>> = {
  hosts: 'host',
  methods: 'method',
  paths: 'path',
  'source.principal': 'principal',
  'source.namespace': 'principal',
  'source.serviceAccount': 'principal',
  'request.auth.principal': 'claim:["sub"]',
  'request.auth.audiences': 'claim:["aud"]',
  'request.auth.presenter': 'claim:["azp"]',
};

function fieldAtoms({ key, values, notValues }: Field, namespace: string): readonly Atom[] {
  const texts = [...values, ...notValues];
  if (key === 'source.ip') return texts.map((text) => addressAtom('direct', text));
  if (key === 'remote.ip') return texts.map((text) => addressAtom('remote', text));
  const attribute = attributes[key] ?? headerName(key) ?? claimName(key);
  const question = questionOf(key);
  if (attribute === undefined || question === undefined) return [];
  return texts.map((text) =>
    atom(attribute, shapeOf(text), (value) => {
      const request = requestWith(attribute, value);
      return question(text, { request, payload: payloadWith(attribute, value), namespace }) === true;
    }),
  );
}

function headerName(key: string): AttributeName | undefined {
  const name = /^request\.headers\[(.*)\]$/.exec(key)?.[1];
  return name === undefined ? undefined : `header:${name.toLowerCase()}`;
}

function claimName(key: string): AttributeName | undefined {
  const path = /^request\.auth\.claims\[(.*)\]$/.exec(key)?.[1]?.split('][');
  return path === undefined ? undefined : `claim:${JSON.stringify(path)}`;
}

function shapeOf(text: string): Shape {
  if (text === '*') return { kind: 'present' };
  if (isTemplate(text)) return { kind: 'template', text };
  if (text.startsWith('*')) return { kind: 'suffix', text: text.slice(1) };
  return text.endsWith('*') ? { kind: 'prefix', text: text.slice(0, -1) } : { kind: 'exact', text };
}

const nothing: MeshRequest = {
  namespace: '',
  labels: {},
  services: [],
  port: 0,
  method: '',
  path: '',
  host: '',
  headers: new Map(),
  directIp: '',
  remoteIp: '',
};

/** A request that has this one value. */
function requestWith(attribute: AttributeName, value: string): MeshRequest {
  if (attribute.startsWith('header:')) return { ...nothing, headers: new Map([[attribute.slice(7), [value]]]) };
  return attribute.startsWith('claim:') ? nothing : { ...nothing, [attribute]: value };
}

export function payloadWith(attribute: AttributeName, value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!attribute.startsWith('claim:')) return undefined;
  const path = JSON.parse(attribute.slice('claim:'.length)) as readonly string[];
  const made = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  return made as Readonly<Record<string, unknown>>;
}
