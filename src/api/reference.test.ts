import { expect, test } from '@jest/globals';
import { sampleKind } from '../testing/sample-kind.ts';
import { findingsPage } from './generated.ts';
import { referencePage } from './reference.ts';

const page = referencePage(sampleKind);

test('a field has type, bounds, description, default, example and what it allows', () => {
  expect(page).toContain(
    [
      '- **`mode`** (string, optional): Whether it refuses.',
      '  - Default: `"Enforce"`',
      '  - Example: `"Shadow"`',
      '  - One of: `Enforce`, `Shadow`',
    ].join('\n'),
  );
  expect(page).toContain('- **`port`** (integer, required, 1 to 65535): Port to listen on.\n  - Example: `8080`');
  expect(page).toContain(
    '- **`rules`** (list of objects, required, at most 4 entries, unique by name): Rules, in order.',
  );
  expect(page).toContain('- **`labels`** (map of strings, optional, at most 3 entries, each at most 10 characters)');
  expect(page).toContain('- **`share`** (integer or string, optional, at most 4 characters)');
  expect(page).toContain(
    '  - Must be a lower-case RFC 1123 label: letters, digits and inner hyphens\n  - Must not start with x-\n',
  );
});

test('objects in lists have their own heading, unions say which field goes with which', () => {
  expect(page).toContain('### spec.rules[].match\n');
  expect(page).toContain('  - `type` is `RegularExpression`: no other field needed');
  expect(page).toContain('  - `type` is `Exact`: without `flags`');
});

test('rules of the spec, status and columns are there', () => {
  expect(page).toContain('Rules:\n- rules may be empty only in mode Shadow\n');
  expect(page).toContain('- **`observedGeneration`** (integer, optional)');
  expect(page).toContain('- **Revision** (string, `.status.revision`, with `-o wide`): What it serves.');
  expect(page).toMatch(/[^\n]\n$/);
});

test('every reason is in the table of findings', () => {
  expect(findingsPage()).toContain('| `NotCovered` | `Ready` | No AuthPolicy covers the rule');
});
