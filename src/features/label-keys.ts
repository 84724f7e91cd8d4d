/** Keys of labels and annotations, whose form a CRD cannot check. */
import type { ObjectRef } from '../kube/object.ts';
import type { Labels } from '../kube/pods.ts';
import type { Finding } from '../status/finding.ts';

export interface LabelKeys {
  readonly kept: Labels;
  readonly findings: readonly Finding[];
}

/** Those that an API server takes. The others would make it refuse the whole object, and the gateway with it. */
export function labelKeys(
  written: Labels | undefined,
  { about, at }: { readonly about: ObjectRef; readonly at: string },
): LabelKeys {
  const [good, bad] = [new Map<string, string>(), [] as string[]];
  for (const [key, value] of Object.entries(written ?? {})) {
    if (isLabelKey(key)) good.set(key, value);
    else bad.push(key);
  }
  return {
    kept: Object.fromEntries(good),
    findings: bad.map((key) => ({
      about,
      severity: 'error',
      reason: 'UnsupportedValue',
      at,
      message: `${JSON.stringify(key)} is no label key, so it is left out`,
      remedy:
        'Write a name of at most 63 letters, digits, "-", "_" and ".", with a DNS name and "/" before it if need be',
    })),
  };
}

/** meta/v1: `example.com/team`. */
function isLabelKey(key: string): boolean {
  const parts = key.split('/');
  const [prefix, name] = parts.length === 1 ? [undefined, parts[0]] : parts;
  if (parts.length > 2 || name === undefined) return false;
  if (prefix !== undefined && !(prefix.length <= 253 && subdomain.test(prefix))) return false;
  return name.length <= 63 && /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name);
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
