/** THE ordered list of what a rule of a Route can do. To add a feature: a folder, and a line here. */
import type { RuleFeature } from '../ir/feature.ts';
import { backendRefs } from './backends/index.ts';
import { requestHeaders, responseHeaders } from './headers/index.ts';
import { redirect } from './redirect/index.ts';
import { respond } from './respond/index.ts';
import { rewrite } from './rewrite/index.ts';
import { timeouts } from './timeouts/index.ts';

export const ruleFeatures = [
  redirect, // the three answers: exactly one of them
  respond,
  backendRefs,
  timeouts,
  rewrite, // edits of the request on its way
  requestHeaders,
  responseHeaders,
] as const;

/** The fields of which a rule has exactly one. */
export const answers = ['redirect', 'respond', 'backendRefs'] as const;

/**
 * The same list without the features' own types: settings meet their feature by name, in one Rule, and only the feature
 * that resolved them ever reads them.
 */
export const anyRuleFeatures = ruleFeatures as unknown as readonly RuleFeature<string, unknown, unknown>[];
