import { LochError } from '../../../core/errors.ts';

export interface ProtoToken {
  readonly kind: 'word' | 'number' | 'string' | 'sign' | 'end';
  readonly text: string;
  readonly line: number;
}

const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|(?<number>-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+))|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?<sign>[{}()[\]<>;:=,.+-])/y;

/** **Errors**: it is the error, `invalid_argument`. */
export const protoError = (line: number, problem: string): LochError =>
  new LochError('invalid_argument', `The Protobuf schema cannot be read: ${problem} in line ${line}.`, {
    context: { line },
  });

/** The tokens of a `.proto` text, without comments. **Errors**: `invalid_argument` with the line. */
export function protoTokens(text: string): readonly ProtoToken[] {
  const tokens: ProtoToken[] = [];
  let line = 1;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw protoError(line, `\`${text.slice(from, from + 10)}\` is not understood`);
    const [whole] = match;
    for (const kind of ['number', 'word', 'string', 'sign'] as const) {
      if (match.groups![kind] !== undefined) tokens.push({ kind, text: whole, line });
    }
    line += whole.split('\n').length - 1;
  }
  return [...tokens, { kind: 'end', text: 'the end', line }];
}
