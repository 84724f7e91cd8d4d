/** Pieces of schemas with the shapes of Kubernetes' own fields: labels, annotations, quantities. */
import { z } from 'zod';
import { labelValue, shortText } from './fields.ts';
import { refusing } from './refuse.ts';

const most = 32;
const tooMany = `must have at most ${most} entries`;
const size = (map: object) => Object.keys(map).length <= most;
/** A pattern for keys would be CEL over strings of unknown length, past every budget: `resolve` checks their form. */
const key = z.string().max(317);

const ownPrefix = 'evengate.dev/';
/** Ours on every child, or, like `instance`, what GitOps tools know their own objects by. */
const ownLabels = ['managed-by', 'name', 'component', 'instance'].map((name) => `app.kubernetes.io/${name}`);

/** Refuses keys that we write, or that others would take our objects for theirs by. */
function foreign<T extends z.ZodType<Readonly<Record<string, string>>>>(map: T, own: readonly string[]): T {
  const isOwn = (name: string) => name.startsWith(ownPrefix) || own.includes(name);
  const rule = [`!key.startsWith('${ownPrefix}')`, ...own.map((name) => `key != '${name}'`)].join(' && ');
  return map
    .superRefine((value, context) => {
      const found = Object.keys(value).find(isOwn);
      if (found === undefined) return;
      const params = { remedy: 'Remove it, or write another key' };
      context.addIssue({ code: 'custom', message: `the key "${found}" is Evengate’s own`, params });
    })
    .meta({
      maxProperties: most,
      'x-kubernetes-validations': [
        {
          rule: `self.all(key, ${rule})`,
          message: `keys that begin with ${ownPrefix}${own.map((name) => `, ${name}`).join('')} are Evengate’s own`,
        },
      ],
    });
}

/** Labels of an object that is ours otherwise. */
export const extraLabels = foreign(z.record(key, labelValue).refine(size, tooMany), ownLabels);

const annotationValue = refusing(
  z.string().max(16_384, { abort: true }),
  /[^\P{Cc}\t\n\r]/u,
  'must not hold control characters other than tabs and line breaks',
);

/** Annotations of an object that is ours otherwise. */
export const extraAnnotations = foreign(z.record(key, annotationValue).refine(size, tooMany), []);

/** Labels that somebody else's object must have. */
export const wantedLabels = z.record(key, labelValue).refine(size, tooMany).meta({ maxProperties: most });

/** resource.Quantity: `500m`, `1.5`, `128Mi`. */
export const quantity = z.union([
  z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  shortText(32).regex(
    /^[0-9]{1,15}(\.[0-9]{1,9})?(m|[kMGTPE]|[KMGTPE]i)?$/,
    'must be a quantity such as 500m, 2 or 256Mi',
  ),
]);

/** intstr.IntOrString that counts pods. */
export const countOrPercentage = z.union([
  z.int().min(0).max(1000),
  shortText(4).regex(/^(100|[1-9]?[0-9])%$/, 'must be a number or a percentage such as 25%'),
]);

export const imageName = shortText(512).regex(
  /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/,
  'must be an image such as envoyproxy/envoy:distroless-v1.40.0',
);
