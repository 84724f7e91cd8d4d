/** One rule of `authorize` as conjunctions: OR of `from`, AND OR of `to`, AND every `when`, multiplied out. */
import type { Author } from '../../ir/lookup.ts';
import type { Attribute } from '../../policy/attribute.ts';
import { type Constraint, maximumConjunctions } from '../../policy/decision.ts';
import type { Pattern } from '../../policy/pattern.ts';
import type { Finding } from '../../status/finding.ts';
import { readClaim } from '../claims.ts';
import {
  isNotPrincipal,
  isPrincipal,
  isProblem,
  negative,
  type Problem,
  positive,
  type Reader,
  readCidr,
  readHost,
  readMethod,
  readPath,
  readRequestPrincipal,
  readServiceAccount,
  readText,
} from './patterns.ts';
import type { ConditionSpec, OperationSpec, RuleSpec, SourceSpec } from './schema.ts';

/** Constraints that all hold. */
type Product = readonly Constraint[];
/** Products of which any holds. */
type Sum = readonly Product[];

export interface ResolvedRule {
  readonly sum: Sum;
  readonly findings: readonly Finding[];
}

export function resolveRule(spec: RuleSpec, author: Author): ResolvedRule {
  const findings: Finding[] = [];
  const report = (at: string, problem: Problem) => {
    findings.push({
      about: author.about,
      severity: 'error',
      reason: 'UnsupportedValue',
      at: `${author.at}.${at}`,
      ...problem,
    });
  };
  const from = spec.from?.flatMap((source, index) =>
    sourceSum(source, author.about.namespace, reporter(report, `from[${index}]`)),
  ) ?? [[]];
  const to = spec.to?.map((operation, index) => operationProduct(operation, reporter(report, `to[${index}]`))) ?? [[]];
  const when =
    spec.when?.flatMap((condition, index) => conditionProduct(condition, reporter(report, `when[${index}]`))) ?? [];
  if (from.length * to.length > maximumConjunctions) {
    report('from', {
      message: `the rule multiplies out to ${from.length * to.length} conjunctions, more than ${maximumConjunctions}`,
      remedy: 'Split it over several policies or name fewer principals',
    });
    return { sum: [], findings };
  }
  return { sum: multiply(from, to).map((product) => [...product, ...when]), findings };
}

type Report = (at: string, problem: Problem) => void;

function reporter(report: Report, prefix: string): Report {
  return (at, problem) => report(`${prefix}.${at}`, problem);
}

function multiply(left: Sum, right: Sum): Sum {
  return left.flatMap((a) => right.map((b) => [...a, ...b]));
}

/** Reads every value of a field; what cannot be read is reported, and the caller blocks the policy for it. */
function read(values: readonly string[] | undefined, at: string, reader: Reader, report: Report): readonly Pattern[] {
  return (values ?? []).flatMap((text, index) => {
    const patterns = reader(text);
    if (!isProblem(patterns)) return patterns.value;
    report(`${at}[${index}]`, patterns);
    return [];
  });
}

interface Field {
  readonly attribute: Attribute;
  readonly reader: Reader;
  readonly name: string;
  readonly values: readonly string[] | undefined;
  readonly notName: string;
  readonly notValues: readonly string[] | undefined;
}

function fieldProduct(field: Field, report: Report): Product {
  const { attribute, reader, values, notValues } = field;
  return [
    ...(values === undefined ? [] : [positive(attribute, read(values, field.name, reader, report))]),
    ...(notValues === undefined ? [] : [negative(attribute, read(notValues, field.notName, reader, report))]),
  ];
}

function operationProduct(spec: OperationSpec, report: Report): Product {
  const fields: readonly Field[] = [
    {
      attribute: { kind: 'method' },
      reader: readMethod,
      name: 'methods',
      values: spec.methods,
      notName: 'notMethods',
      notValues: spec.notMethods,
    },
    {
      attribute: { kind: 'path' },
      reader: readPath,
      name: 'paths',
      values: spec.paths,
      notName: 'notPaths',
      notValues: spec.notPaths,
    },
    {
      attribute: { kind: 'host' },
      reader: readHost,
      name: 'hosts',
      values: spec.hosts,
      notName: 'notHosts',
      notValues: spec.notHosts,
    },
  ];
  return fields.flatMap((field) => fieldProduct(field, report));
}

function conditionProduct(spec: ConditionSpec, report: Report): Product {
  const attribute: Attribute =
    spec.claim === undefined
      ? { kind: 'header', name: (spec.header ?? '').toLowerCase() }
      : { kind: 'claim', path: readClaim(spec.claim) };
  const { values, notValues } = spec;
  return fieldProduct({ attribute, reader: readText, name: 'values', values, notName: 'notValues', notValues }, report);
}

interface SourceField {
  readonly attribute: Attribute;
  readonly name: keyof SourceSpec;
  readonly notName: keyof SourceSpec;
  /** Of a policy in this namespace. */
  readonly reader: (namespace: string) => Reader;
}

const sourceFields: readonly SourceField[] = [
  { attribute: { kind: 'directIp' }, name: 'ipBlocks', notName: 'notIpBlocks', reader: () => readCidr },
  { attribute: { kind: 'remoteIp' }, name: 'remoteIpBlocks', notName: 'notRemoteIpBlocks', reader: () => readCidr },
  {
    attribute: { kind: 'serviceAccount' },
    name: 'serviceAccounts',
    notName: 'notServiceAccounts',
    reader: readServiceAccount,
  },
  { attribute: { kind: 'namespace' }, name: 'namespaces', notName: 'notNamespaces', reader: () => readText },
  { attribute: { kind: 'principal' }, name: 'principals', notName: 'notPrincipals', reader: () => readText },
  {
    attribute: { kind: 'clientCertificate' },
    name: 'clientCertificates',
    notName: 'notClientCertificates',
    reader: () => readText,
  },
];

function sourceSum(spec: SourceSpec, namespace: string, report: Report): Sum {
  const fields = sourceFields.map(({ attribute, name, notName, reader }) => ({
    attribute,
    reader: reader(namespace),
    name,
    values: spec[name],
    notName,
    notValues: spec[notName],
  }));
  const single: Sum = [fields.flatMap((field) => fieldProduct(field, report))];
  const wanted = principals(spec.requestPrincipals, 'requestPrincipals', report);
  const unwanted = principals(spec.notRequestPrincipals, 'notRequestPrincipals', report);
  const is: Sum = spec.requestPrincipals === undefined ? [[]] : wanted.map(isPrincipal);
  const isNot: Sum = unwanted.reduce<Sum>(
    (sum, one) => {
      // Bounded here, not only at the end: 2^n of them.
      const next =
        sum.length > maximumConjunctions
          ? sum
          : multiply(
              sum,
              isNotPrincipal(one).map((constraint) => [constraint]),
            );
      return next;
    },
    [[]],
  );
  return multiply(multiply(single, is), isNot);
}

function principals(values: readonly string[] | undefined, at: string, report: Report) {
  return (values ?? []).flatMap((text, index) => {
    const principal = readRequestPrincipal(text);
    if (!isProblem(principal)) return [principal.value];
    report(`${at}[${index}]`, principal);
    return [];
  });
}
