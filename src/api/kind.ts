/** What a kind of our API is made of: one definition, from which CRD, reference, editor schema and decoder follow. */
import type { z } from 'zod';
import type { CelRule } from '../schema/json-schema.ts';

export type { CelRule } from '../schema/json-schema.ts';

export const group = 'evengate.dev';
export const version = 'v1alpha1';

export interface KindDefinition {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** CEL over the whole spec; each needs its twin among the refinements of `spec`. */
  readonly rules: readonly CelRule[];
  readonly columns: readonly PrinterColumn[];
}

/** apiextensions/v1 CustomResourceColumnDefinition; `priority` above 0 shows only with `-o wide`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: number;
}
