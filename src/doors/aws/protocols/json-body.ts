import { JsonCodec } from '@aws-sdk/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';
import { LochError } from '../../../core/errors.ts';
import { readValue } from './read-value.ts';

const EPOCH_SECONDS = 7;

const codec = (jsonName: boolean) =>
  new JsonCodec({ jsonName, timestampFormat: { useTrait: true, default: EPOCH_SECONDS } });
/** The JSON RPC protocols spell members by their own names, REST by `jsonName`. */
const RPC = codec(false);
const REST = codec(true);

export type JsonStyle = 'rpc' | 'rest';

const codecOf = (style: JsonStyle) => (style === 'rest' ? REST : RPC);

/**
 * A JSON body, checked and decoded by its schema. An empty body is `{}`.
 * **Errors**: `malformed_request` with the position of a syntax error, `missing_argument`.
 */
export function readJsonBody(
  schema: NormalizedSchema,
  body: Buffer,
  style: JsonStyle,
  bound?: ReadonlySet<string>,
): object {
  const text = body.toString('utf8');
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new LochError('malformed_request', `The body is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!schema.isStructSchema()) return {};
  const options = { jsonNames: style === 'rest', ...(bound === undefined ? {} : { bound }) };
  return readValue(schema, value, options) as object;
}

/** `output` as the JSON text of its schema. */
export function writeJsonBody(schema: NormalizedSchema, output: object, style: JsonStyle): string {
  if (!schema.isStructSchema()) return '{}';
  const serializer = codecOf(style).createSerializer();
  serializer.write(schema, output);
  return serializer.flush() as string;
}
