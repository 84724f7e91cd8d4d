/** Our words for what the `yaml` package, or we, cannot read. The package's own quote the text, which may be a Secret's. */

export interface SyntaxFault {
  /** Where in the document's text, in UTF-16 units from 0. */
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

type Words = readonly [message: string, remedy: string];

const indentation: Words = [
  'The indentation is not valid YAML, or a bracket is not closed',
  'Indent with spaces, and close what is open',
];
const tooDeep: Words = ['The values are nested too deeply', 'Flatten the object; no Kubernetes object nests this deep'];
const quoting = 'Put the value between quotes';

/** Keys are the package's error codes, and ours for what it does not check. */
const faults: Readonly<Record<string, Words>> = {
  ALIAS_BOMB: ['The anchors unfold to too many values', 'Write the values out, or use an anchor at most 100 times'],
  ALIAS_CYCLE: [
    'The anchor contains itself',
    'Write the values out instead of referring to the value that they are in',
  ],
  ALIAS_UNKNOWN: ['The alias names an anchor that does not precede it', 'Define the anchor first, or quote the value'],
  BAD_MERGE: ['A merge key `<<` does not name a map', 'Let `<<` refer to the anchor of a map'],
  TOO_DEEP: tooDeep,
  RESOURCE_EXHAUSTION: tooDeep,
  DUPLICATE_KEY: ['A map has the same key twice', 'Keep one of the two entries'],
  BAD_INDENT: indentation,
  TAB_AS_INDENT: ['The indentation uses a tab', 'Indent with spaces'],
  BAD_DQ_ESCAPE: ['A double-quoted value has an unknown escape', 'Write a backslash as two, or use single quotes'],
  BAD_SCALAR_START: ['A value starts with a character that YAML reserves', quoting],
  BLOCK_AS_IMPLICIT_KEY: ['A value holds `: ` without quotes', quoting],
  MULTILINE_IMPLICIT_KEY: ['A line is neither an entry `key: value` nor a list item', 'Add the missing colon or quote'],
  MISSING_CHAR: ['A quote, bracket, comma or colon is missing', 'Close what is open, and part entries by commas'],
  KEY_OVER_1024_CHARS: ['A key has more than 1024 characters', 'Shorten the key'],
  MULTIPLE_ANCHORS: ['A value has two anchors', 'Keep one'],
  MULTIPLE_TAGS: ['A value has two tags', 'Keep one'],
  TAG_RESOLVE_FAILED: ['A tag cannot be read', 'Remove the tag'],
};

const other: Words = [
  'The text is not valid YAML here',
  'Correct the syntax; quote values that hold special characters',
];

export function faultOfCode(code: string, offset: number): SyntaxFault {
  const [message, remedy] = faults[code] ?? other;
  return { offset, message, remedy };
}
