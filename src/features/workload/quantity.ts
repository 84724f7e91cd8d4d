/** resource.Quantity as a number. */
import type { Quantity } from '../../kube/pods.ts';

const scales: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  ...Object.fromEntries(Array.from('kMGTPE').map((letter, index) => [letter, 1000 ** (index + 1)])),
  ...Object.fromEntries(Array.from('KMGTPE').map((letter, index) => [`${letter}i`, 1024 ** (index + 1)])),
};

/** Of one that its schema took: CPUs, or bytes. */
export function amountOf(quantity: Quantity): number {
  const [, digits = '0', suffix = ''] = /^([0-9.]+)(.*)$/.exec(String(quantity)) ?? [];
  return Number(digits) * (scales[suffix] ?? 1);
}
