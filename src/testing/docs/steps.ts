/** What a test does with the blocks of a page. */
import type { Block, Page } from './page.ts';

export type Step =
  /** Applied to a cluster, and waited for, unless it is an example of what does not become Ready. */
  | { readonly kind: 'manifests'; readonly block: Block; readonly becomesReady: boolean }
  /** Values of the chart `evengate`. */
  | { readonly kind: 'values'; readonly block: Block }
  /** Run by bash; `output` is what they print. */
  | { readonly kind: 'commands'; readonly block: Block; readonly output?: Block }
  /** For people: what cannot be applied or run here says why. */
  | { readonly kind: 'shown'; readonly block: Block; readonly why?: string };

/** Throws for a block that no reader can place: without a language, or with one that is not known. */
export function stepsOf({ path, blocks }: Page): readonly Step[] {
  const steps: Step[] = [];
  for (const block of blocks) {
    const before = steps.at(-1);
    if (block.language === 'text' && before?.kind === 'commands' && before.output === undefined) {
      steps.splice(-1, 1, { ...before, output: block });
    } else {
      steps.push(stepOf(path, block));
    }
  }
  return steps;
}

function stepOf(path: string, block: Block): Step {
  const [first = ''] = block.text.split('\n');
  const why = /^# not (?:applied|run): (.+)$/.exec(first)?.[1];
  switch (block.language) {
    case 'yaml':
      if (why !== undefined) return { kind: 'shown', block, why };
      if (first.startsWith('# values.yaml')) return { kind: 'values', block };
      return { kind: 'manifests', block, becomesReady: !first.startsWith('# not ready: ') };
    case 'sh':
      return why === undefined ? { kind: 'commands', block } : { kind: 'shown', block, why };
    case 'text':
    case 'json':
    case 'markdown':
      return { kind: 'shown', block };
    default:
      throw new Error(
        `${path}:${block.line}: a block of "${block.language}"; write \`\`\`yaml, sh, text, json or markdown`,
      );
  }
}
