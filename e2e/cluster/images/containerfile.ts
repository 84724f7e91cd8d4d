/** Reads what a Containerfile says of the image that its last stage makes. */

export interface ImageSettings {
  readonly entrypoint: readonly string[];
  readonly user: string;
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Containerfile {
  /** Defaults of ARG, those of all stages. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What each stage is made from, as it is written. */
  readonly bases: readonly string[];
  /** Of the last stage; names of parameters are replaced. */
  readonly settings: ImageSettings;
}

interface Instruction {
  readonly name: string;
  readonly words: string;
}

/** Throws Error on an instruction that it does not know. */
export function readContainerfile(text: string): Containerfile {
  const instructions = instructionsOf(text);
  const parameters = Object.fromEntries(
    instructions
      .filter(({ name }) => name === 'ARG')
      .map(({ words }) => [words.split('=')[0] ?? '', words.split('=')[1] ?? '']),
  );
  const stages = instructions.flatMap(({ name }, index) => (name === 'FROM' ? [index] : []));
  const last = instructions.slice(stages.at(-1));
  const wordsOf = (wanted: string) => last.find(({ name }) => name === wanted)?.words ?? '';
  const pairs = (wanted: string) =>
    pairsOf(
      last.filter(({ name }) => name === wanted),
      parameters,
    );
  return {
    parameters,
    bases: stages.map((index) => instructions[index]?.words ?? ''),
    settings: {
      entrypoint: JSON.parse(wordsOf('ENTRYPOINT')) as readonly string[],
      user: wordsOf('USER'),
      workdir: wordsOf('WORKDIR'),
      environment: pairs('ENV'),
      labels: pairs('LABEL'),
    },
  };
}

const known = ['ARG', 'FROM', 'WORKDIR', 'COPY', 'RUN', 'LABEL', 'ENV', 'USER', 'ENTRYPOINT'];

function instructionsOf(text: string): readonly Instruction[] {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', words = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      if (!known.includes(name)) throw new Error(`Containerfile: "${line}" is not understood here`);
      return { name, words };
    });
}

/** `a=b c="d ${E}"` */
function pairsOf(
  instructions: readonly Instruction[],
  parameters: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const words = instructions.map((one) => one.words).join(' ');
  const pairs = [...words.matchAll(/([\w.-]+)=(?:"([^"]*)"|(\S*))/g)].map(([, name = '', quoted, plain = '']) => {
    return [name, (quoted ?? plain).replaceAll(/\$\{(\w+)\}/g, (_, parameter: string) => parameters[parameter] ?? '')];
  });
  return Object.fromEntries(pairs) as Readonly<Record<string, string>>;
}
