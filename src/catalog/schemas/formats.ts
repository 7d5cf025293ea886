import { LochError } from '../../core/errors.ts';
import { avroSchema } from './avro/index.ts';
import type { SchemaDataFormat } from './contract.ts';
import { jsonSchema } from './json-schema/index.ts';
import type { ParsedSchema } from './parsed-schema.ts';
import { protobufSchema } from './protobuf/index.ts';

const FORMATS: Readonly<Record<SchemaDataFormat, (definition: string) => ParsedSchema>> = {
  AVRO: avroSchema,
  JSON: jsonSchema,
  PROTOBUF: protobufSchema,
};

const LONGEST = 170_000;

/** A definition, read and checked. **Errors**: `invalid_argument` saying what is wrong where. */
export function parseSchema(format: SchemaDataFormat, definition: string): ParsedSchema {
  const parse = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (parse === undefined) {
    throw new LochError(
      'invalid_argument',
      `\`DataFormat\` is \`${format}\`; known: ${Object.keys(FORMATS).join(', ')}.`,
    );
  }
  if (definition.length === 0 || definition.length > LONGEST) {
    throw new LochError(
      'invalid_argument',
      `A schema definition must have 1 to ${LONGEST} characters; this one has ${definition.length}.`,
    );
  }
  return parse(definition);
}
