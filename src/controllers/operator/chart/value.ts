/** What the values of the chart are declared with. */
import { z } from 'zod';
import { labelName } from '../../../schema/fields.ts';

/** A value with its default, and the comment that values.yaml and README.md show. */
export function value<T extends z.ZodType>(schema: T, standard: unknown, description: string) {
  return schema.default(standard as z.util.NoUndefined<z.output<T>>).meta({ description });
}

/** Values that belong together. Whoever misspells one is told. */
export function section<S extends z.ZodRawShape>(description: string, shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape).meta({ description });
}

/** What Kubernetes has a type for, passed on as it is: the API server knows its fields better than a chart. */
export const asKubernetes = z.record(z.string(), z.unknown());
export const listOfKubernetes = z.array(asKubernetes);

export const text = z.string();
export const flag = z.boolean();
/** Labels, annotations, node selectors. */
export const texts = z.record(z.string(), z.string());
export const namespaces = z.array(labelName).meta({ uniqueItems: true });
/** A Kubernetes name, or nothing for the chart's own. */
export const nameOrNone = z.string().regex(/^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$/);
export const count = z.int().min(1).max(99);
/** Prometheus duration, or nothing for Prometheus' own. */
export const interval = z.string().regex(/^(([0-9]+(ms|[smhdwy]))+)?$/);
