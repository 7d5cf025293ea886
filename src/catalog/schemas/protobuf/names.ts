import { LochError } from '../../../core/errors.ts';
import { type ProtoEnum, type ProtoFile, type ProtoMessage, SCALARS } from './parse.ts';

/** What the type of a field is. `external` comes from an import, known by name alone. */
export type ProtoType =
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'message'; readonly name: string; readonly message: ProtoMessage }
  | { readonly kind: 'enum'; readonly name: string; readonly enum: ProtoEnum }
  | { readonly kind: 'external'; readonly name: string };

/** The messages and enums of a file by full name, without its package. */
export class ProtoNames {
  readonly messages = new Map<string, ProtoMessage>();
  readonly enums = new Map<string, ProtoEnum>();
  readonly #file: ProtoFile;

  constructor(file: ProtoFile) {
    this.#file = file;
    const enter = (scope: string, messages: readonly ProtoMessage[], enums: readonly ProtoEnum[]) => {
      for (const one of enums) this.enums.set(`${scope}${one.name}`, one);
      for (const one of messages) {
        this.messages.set(`${scope}${one.name}`, one);
        enter(`${scope}${one.name}.`, one.messages, one.enums);
      }
    };
    enter('', file.messages, file.enums);
  }

  /** Every field's type must be known. **Errors**: `invalid_argument` naming the field. */
  check(): void {
    for (const [name, message] of this.messages) {
      for (const field of message.fields) {
        this.typeOf(field.type, name);
        if (field.keyType === undefined) continue;
        if (SCALARS.includes(field.keyType as 'int32') && !['double', 'float', 'bytes'].includes(field.keyType))
          continue;
        throw new LochError(
          'invalid_argument',
          `The Protobuf schema cannot be read: map \`${name}.${field.name}\` has keys of \`${field.keyType}\`.`,
        );
      }
    }
  }

  /** A type's name as it is written inside a message: the innermost scope that has it wins. */
  typeOf(written: string, scope: string): ProtoType {
    if (SCALARS.includes(written as 'int32')) return { kind: 'scalar', name: written };
    const own = this.#file.package;
    const absolute = written.startsWith('.');
    const bare = absolute ? written.slice(1) : written;
    const scopes = absolute
      ? ['']
      : scope.split('.').map((_, i, parts) => `${parts.slice(0, parts.length - i).join('.')}.`);
    for (const inner of [...scopes, '']) {
      for (const name of [`${inner}${bare}`, bare.startsWith(`${own}.`) ? bare.slice(own.length + 1) : '']) {
        const message = this.messages.get(name);
        if (message !== undefined) return { kind: 'message', name, message };
        const found = this.enums.get(name);
        if (found !== undefined) return { kind: 'enum', name, enum: found };
      }
    }
    if (this.#file.imports.length > 0) return { kind: 'external', name: bare };
    throw new LochError(
      'invalid_argument',
      `The Protobuf schema cannot be read: \`${written}\` in message \`${scope}\` is no known type.`,
    );
  }
}
