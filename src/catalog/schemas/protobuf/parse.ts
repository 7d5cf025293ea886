/**
 * Protocol Buffers definitions: the messages and enums of one file. Options, services and extensions are read over.
 * **Source**: Protocol Buffers language specifications, proto2 and proto3.
 */
import { protoError, type ProtoToken, protoTokens } from './tokens.ts';

export const SCALARS = [
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
] as const;

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  /** A scalar, or a type's name as it was written. */
  readonly type: string;
  readonly label: 'single' | 'optional' | 'required' | 'repeated' | 'map';
  /** Maps: the type of the keys; `type` is of the values. */
  readonly keyType?: string;
  readonly oneof?: string;
}

export interface ProtoMessage {
  readonly name: string;
  readonly fields: readonly ProtoField[];
  readonly messages: readonly ProtoMessage[];
  readonly enums: readonly ProtoEnum[];
}

export interface ProtoEnum {
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly number: number }[];
}

export interface ProtoFile {
  readonly syntax: 'proto2' | 'proto3';
  readonly package: string;
  readonly imports: readonly string[];
  readonly messages: readonly ProtoMessage[];
  readonly enums: readonly ProtoEnum[];
}

const MOST_NUMBER = 536_870_911;
const DEEPEST = 50;

/** **Errors**: `invalid_argument` with the line. */
export function parseProto(text: string): ProtoFile {
  return new Reader(protoTokens(text)).file();
}

class Reader {
  readonly #tokens: readonly ProtoToken[];
  #at = 0;
  #syntax: ProtoFile['syntax'] = 'proto2';

  constructor(tokens: readonly ProtoToken[]) {
    this.#tokens = tokens;
  }

  file(): ProtoFile {
    let name = '';
    const imports: string[] = [];
    const messages: ProtoMessage[] = [];
    const enums: ProtoEnum[] = [];
    while (this.#peek().kind !== 'end') {
      const token = this.#next();
      switch (token.text) {
        case ';':
          break;
        case 'syntax': {
          this.#need('=');
          const syntax = this.#string();
          if (syntax !== 'proto2' && syntax !== 'proto3')
            throw protoError(token.line, `\`${syntax}\` is no known syntax`);
          this.#syntax = syntax;
          this.#need(';');
          break;
        }
        case 'edition':
          throw protoError(token.line, 'editions are not supported; write syntax = "proto3"');
        case 'package':
          name = this.#typeName();
          this.#need(';');
          break;
        case 'import':
          if (['public', 'weak'].includes(this.#peek().text)) this.#next();
          imports.push(this.#string());
          this.#need(';');
          break;
        case 'option':
          this.#skipStatement();
          break;
        case 'message':
          messages.push(this.#message(0));
          break;
        case 'enum':
          enums.push(this.#enum());
          break;
        case 'service':
          this.#word();
          this.#skipBlock();
          break;
        case 'extend':
          this.#typeName();
          this.#skipBlock();
          break;
        default:
          throw protoError(token.line, `\`${token.text}\` was not expected`);
      }
    }
    assertDistinct([...messages, ...enums], this.#peek().line);
    return { syntax: this.#syntax, package: name, imports, messages, enums };
  }

  #message(depth: number): ProtoMessage {
    const { text: name, line } = this.#word();
    if (depth > DEEPEST) throw protoError(line, `messages are nested deeper than ${DEEPEST} levels`);
    const fields: ProtoField[] = [];
    const messages: ProtoMessage[] = [];
    const enums: ProtoEnum[] = [];
    this.#need('{');
    while (!this.#sign('}')) {
      const token = this.#peek();
      switch (token.text) {
        case ';':
          this.#next();
          break;
        case 'message':
          this.#next();
          messages.push(this.#message(depth + 1));
          break;
        case 'enum':
          if (this.#isFieldOf('enum')) fields.push(this.#field(undefined));
          else {
            this.#next();
            enums.push(this.#enum());
          }
          break;
        case 'option':
        case 'reserved':
        case 'extensions':
          this.#next();
          this.#skipStatement();
          break;
        case 'extend':
          this.#next();
          this.#typeName();
          this.#skipBlock();
          break;
        case 'oneof':
          this.#next();
          fields.push(...this.#oneof());
          break;
        default:
          if (token.kind === 'end') throw protoError(token.line, `message \`${name}\` is not closed`);
          fields.push(this.#field(undefined));
      }
    }
    const numbers = new Set<number>();
    for (const field of fields) {
      if (numbers.has(field.number))
        throw protoError(line, `message \`${name}\` uses the number ${field.number} twice`);
      numbers.add(field.number);
    }
    assertDistinct(fields, line);
    assertDistinct([...messages, ...enums], line);
    return { name, fields, messages, enums };
  }

  /** Whether `enum` begins a field, as a word that is no keyword there. */
  #isFieldOf(word: string): boolean {
    return this.#peek().text === word && this.#tokens[this.#at + 2]?.text === '=';
  }

  #oneof(): ProtoField[] {
    const { text: name } = this.#word();
    const fields: ProtoField[] = [];
    this.#need('{');
    while (!this.#sign('}')) {
      if (this.#peek().text === 'option') {
        this.#next();
        this.#skipStatement();
      } else if (!this.#sign(';')) fields.push(this.#field(name));
    }
    return fields;
  }

  #field(oneof: string | undefined): ProtoField {
    const start = this.#peek();
    let label: ProtoField['label'] = 'single';
    const labelled =
      ['optional', 'required', 'repeated'].includes(start.text) && this.#tokens[this.#at + 1]?.text !== '=';
    if (labelled) label = this.#next().text as ProtoField['label'];
    let keyType: string | undefined;
    let type: string;
    if (this.#peek().text === 'map' && this.#tokens[this.#at + 1]?.text === '<') {
      this.#next();
      this.#need('<');
      keyType = this.#typeName();
      this.#need(',');
      type = this.#typeName();
      this.#need('>');
      label = 'map';
    } else if (this.#peek().text === 'group') {
      throw protoError(start.line, 'groups are not supported');
    } else type = this.#typeName();
    const name = this.#word();
    this.#need('=');
    const number = this.#number(name);
    if (number < 1 || number > MOST_NUMBER || (number >= 19_000 && number <= 19_999)) {
      throw protoError(name.line, `field \`${name.text}\` has the number ${number}, which is not allowed`);
    }
    if (label === 'required' && this.#syntax === 'proto3') {
      throw protoError(name.line, `field \`${name.text}\` is required, which proto3 does not have`);
    }
    if (this.#sign('[')) this.#skipTo(']');
    this.#need(';');
    return {
      name: name.text,
      number,
      type,
      label,
      ...(keyType === undefined ? {} : { keyType }),
      ...(oneof === undefined ? {} : { oneof }),
    };
  }

  #enum(): ProtoEnum {
    const { text: name, line } = this.#word();
    const values: { name: string; number: number }[] = [];
    this.#need('{');
    while (!this.#sign('}')) {
      if (this.#sign(';')) continue;
      if (['option', 'reserved'].includes(this.#peek().text) && this.#tokens[this.#at + 1]?.text !== '=') {
        this.#next();
        this.#skipStatement();
        continue;
      }
      const value = this.#word();
      this.#need('=');
      const number = this.#number(value);
      if (this.#sign('[')) this.#skipTo(']');
      this.#need(';');
      values.push({ name: value.text, number });
    }
    if (values.length === 0) throw protoError(line, `enum \`${name}\` has no values`);
    if (this.#syntax === 'proto3' && values[0]!.number !== 0) {
      throw protoError(line, `the first value of enum \`${name}\` must be 0 in proto3`);
    }
    assertDistinct(values, line);
    return { name, values };
  }

  #peek(): ProtoToken {
    return this.#tokens[this.#at]!;
  }

  #next(): ProtoToken {
    const token = this.#peek();
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  #sign(text: string): boolean {
    if (this.#peek().text !== text || this.#peek().kind === 'string') return false;
    this.#at++;
    return true;
  }

  #need(text: string): void {
    const token = this.#peek();
    if (!this.#sign(text)) throw protoError(token.line, `\`${text}\` was expected, not \`${token.text}\``);
  }

  #word(): ProtoToken {
    const token = this.#next();
    if (token.kind !== 'word') throw protoError(token.line, `a name was expected, not \`${token.text}\``);
    return token;
  }

  #string(): string {
    const token = this.#next();
    if (token.kind !== 'string') throw protoError(token.line, `a text was expected, not \`${token.text}\``);
    return token.text.slice(1, -1);
  }

  #number(of: ProtoToken): number {
    const token = this.#next();
    const number = Number(token.text);
    if (token.kind === 'number' && Number.isInteger(number)) return number;
    throw protoError(of.line, `\`${of.text}\` needs a whole number, not \`${token.text}\``);
  }

  #typeName(): string {
    let name = this.#sign('.') ? '.' : '';
    name += this.#word().text;
    while (this.#sign('.')) name += `.${this.#word().text}`;
    return name;
  }

  /** To the `;` of an option or the like, over blocks within. */
  #skipStatement(): void {
    for (;;) {
      const token = this.#next();
      if (token.kind === 'end') throw protoError(token.line, '`;` is missing');
      if (token.kind === 'sign' && token.text === '{') this.#skipTo('}');
      if (token.kind === 'sign' && token.text === ';') return;
    }
  }

  #skipBlock(): void {
    this.#need('{');
    this.#skipTo('}');
  }

  #skipTo(close: '}' | ']'): void {
    const open = close === '}' ? '{' : '[';
    for (let depth = 1; depth > 0; ) {
      const token = this.#next();
      if (token.kind === 'end') throw protoError(token.line, `\`${close}\` is missing`);
      if (token.kind !== 'sign') continue;
      if (token.text === open) depth++;
      if (token.text === close) depth--;
    }
  }
}

function assertDistinct(named: readonly { readonly name: string }[], line: number): void {
  const seen = new Set<string>();
  for (const { name } of named) {
    if (seen.has(name)) throw protoError(line, `\`${name}\` is defined twice`);
    seen.add(name);
  }
}
