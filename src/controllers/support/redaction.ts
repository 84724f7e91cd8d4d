/**
 * What leaves a cluster in a support bundle. Whatever a user may have put a secret into is left out by its place, not by its
 * looks; what was left out is then looked for in everything else, logs too.
 */
import { redactText } from '../../runtime/redact.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Shorter ones are words of every text. */
const shortestKnown = 6;

const secretName =
  /secret|passw|credential|token|api-?_?key|private-?_?key|^(authorization|cookie|set-cookie|inline)$/i;
/** `secretName` names one, and is none. */
const naming = /(name|ref|refs|path|file|filename|type|audience|namespace)$/i;

/** Annotations of these are written by tools, for tools. */
const plainAnnotations =
  /^(evengate\.dev\/(?!refused)|([\w.-]+\.)?(kubernetes\.io|k8s\.io|fluxcd\.io|argoproj\.io|helm\.sh)\/)/;
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** `token=…`, `"password": "…"`, but no flag and no block of YAML that begins so. */
const written =
  /\b((?:[\w-]*(?:authorization|password|passwd|secret|token|api[-_]?key|private[-_]?key)|cookie|set-cookie)["']?[ \t]*[:=][ \t]*)(?!(?:true|false|null|\d+)\b)("[^"\n]*"|'[^'\n]*'|[^\s"',;&}]+(?: [\w.~+/=-]{16,})?)/gi;
const queryValue = /([?&][\w.~%-]+=)[^&\s"'#]+/g;

export class Redaction {
  readonly #known = new Set<string>();
  /** Of objects: who has given a secret the name of one has told it already, and without names nothing can be read. */
  readonly #names = new Set<string>();

  /** A copy of a Kubernetes object, or of a piece of Envoy's configuration. */
  value(value: unknown): unknown {
    return this.#walk(value, '');
  }

  /** Of everything that is written, after all values are known. */
  text(text: string): string {
    const plain = [...this.#known].filter((secret) => !this.#names.has(secret)).toSorted((a, b) => b.length - a.length);
    const known = plain.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text);
    return redactText(known)
      .replaceAll(written, (whole, name: string, value: string) =>
        /^["']?\[redacted/.test(value) ? whole : `${name}[redacted]`,
      )
      .replaceAll(queryValue, '$1[redacted]');
  }

  /** Its text is looked for everywhere. */
  hide(secret: string): string {
    for (const part of [secret, secret.replaceAll(/^\*|\*$/g, ''), ...secret.split('\n').map((line) => line.trim())]) {
      if (part.length < shortestKnown) continue;
      const quoted = JSON.stringify(part).slice(1, -1);
      for (const form of [
        part,
        quoted,
        encodeURIComponent(part.toWellFormed()),
        Buffer.from(part).toString('base64'),
      ]) {
        this.#known.add(form);
      }
    }
    return `[redacted, ${secret.length} characters]`;
  }

  #walk(value: unknown, name: string): unknown {
    // Envoy's, and Istio's.
    if (name === 'local_jwks' || (name === 'jwks' && typeof value === 'string')) return this.#leaves(value);
    if (typeof value === 'string') return secretName.test(name) && !naming.test(name) ? this.hide(value) : value;
    if (Array.isArray(value)) return this.#list(value, name);
    if (!isFields(value)) return value;
    if (value['kind'] === 'Secret') return this.#secret(value);
    if (name === 'annotations') return this.#annotations(value);
    if (name === 'metadata') for (const own of [value['name'], value['namespace']]) this.#names.add(String(own));
    const entries = Object.entries(value).filter(([field]) => field !== 'managedFields');
    return Object.fromEntries(entries.map(([field, item]) => [field, this.#field(field, item, value)]));
  }

  /** An argument that is called a secret by the one before it: `--token`, and what it is; and whole lines for a shell. */
  #list(list: readonly unknown[], name: string): readonly unknown[] {
    return list.map((item, index) => {
      if (/^(command|args)$/.test(name) && typeof item === 'string' && /\s/.test(item)) return this.hide(item);
      const flag = /^--?([\w-]+)$/.exec(String(list[index - 1]))?.[1];
      const isValue = flag !== undefined && typeof item === 'string' && !item.startsWith('-');
      return this.#walk(item, isValue ? flag : name);
    });
  }

  #field(field: string, item: unknown, holder: Fields): unknown {
    const name = holder['name'] ?? holder['key'];
    // What begins with a colon is the request's method, host or path.
    const isNamed = typeof name === 'string' && !name.startsWith(':');
    // Environment, headers, parameters: a pair of Kubernetes or Envoy, or Envoy's matcher of one.
    if (isNamed && field === 'value' && typeof item === 'string') return this.hide(item);
    if (isNamed && field.endsWith('_match')) return this.#leaves(item);
    // A condition on a header, as good as a password in it.
    if (isAboutHeader(holder) && (field === 'values' || field === 'notValues')) return this.#leaves(item);
    return this.#walk(item, field);
  }

  #leaves(value: unknown): unknown {
    if (typeof value === 'string') return this.hide(value);
    if (Array.isArray(value)) return value.map((item) => this.#leaves(item));
    if (!isFields(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.#leaves(item)]));
  }

  /** Its keys, and how many bytes each has. */
  #secret({ data, stringData, metadata, ...rest }: Fields): Fields {
    const encoded = Object.entries(isFields(data) ? data : {}).map(
      ([name, text]) => [name, Buffer.from(String(text), 'base64').toString()] as const,
    );
    const plain = Object.entries(isFields(stringData) ? stringData : {}).map(
      ([name, text]) => [name, String(text)] as const,
    );
    const sizes = [...encoded, ...plain].map(([name, text]) => {
      this.hide(text);
      return [name, `${Buffer.byteLength(text)} bytes`];
    });
    return { ...rest, metadata: this.#walk(metadata, 'metadata'), data: Object.fromEntries(sizes) };
  }

  #annotations(annotations: Fields): Fields {
    const kept = Object.entries(annotations).filter(([name]) => name !== lastApplied);
    return Object.fromEntries(
      kept.map(([name, text]) => [name, plainAnnotations.test(name) ? text : this.hide(String(text))]),
    );
  }
}

/** A condition of an AuthPolicy, or of an AuthorizationPolicy of Istio. */
function isAboutHeader({ header, key }: Fields): boolean {
  return typeof header === 'string' || (typeof key === 'string' && key.startsWith('request.headers['));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
