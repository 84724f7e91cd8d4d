/** The schema's text as tables to look fields up in. */
import { schemaText } from './schema.ts';

export interface Field {
  readonly number: number;
  /** A scalar's name, or the full name of a message or an enum. */
  readonly type: string;
  readonly shape: 'one' | 'list' | 'map';
}

export type Fields = ReadonlyMap<string, Field>;

interface Types {
  readonly messages: ReadonlyMap<string, Fields>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

let known: Types | undefined;

/** Read when it is needed first: most gateways never are so large. */
export function types(): Types {
  known ??= parse(schemaText);
  return known;
}

function parse(text: string): Types {
  const lines = text.split('\n').map((line) => line.split(' '));
  const of = (kind: string) => lines.filter(([first]) => first === kind);
  return {
    messages: new Map(of('message').map(([, name = '', ...fields]) => [name, new Map(fields.map(fieldOf))])),
    enums: new Map(of('enum').map(([, name = '', ...values]) => [name, new Map(values.map(enumValueOf))])),
  };
}

/** `name=number:type[]` */
function fieldOf(text: string): readonly [string, Field] {
  const [, name = '', number, type = '', suffix] = /^(\w+)=(\d+):([\w.]+)(\[\]|\{\})?$/.exec(text) ?? [];
  const shape = suffix === '[]' ? 'list' : suffix === '{}' ? 'map' : 'one';
  return [name, { number: Number(number), type, shape }];
}

function enumValueOf(text: string): readonly [string, number] {
  const [name = '', number] = text.split('=');
  return [name, Number(number)];
}
