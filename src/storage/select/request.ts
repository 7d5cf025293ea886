/** A request of SelectObjectContent, taken out of its document. **Source**: S3 API Reference, "SelectObjectContent". */
import { z } from 'zod';
import { selectError } from './select-error.ts';

const oneCharacter = z.string().min(1).max(1);

const csvInput = z.strictObject({
  fileHeaderInfo: z.enum(['NONE', 'IGNORE', 'USE']).default('NONE'),
  comments: z.string().max(1).default('#'),
  quoteEscape: oneCharacter.default('"'),
  recordDelimiter: z.string().min(1).max(2).default('\n'),
  fieldDelimiter: z.string().min(1).max(2).default(','),
  quote: z.string().max(1).default('"'),
});

const schema = z.strictObject({
  expression: z.string(),
  compression: z.enum(['NONE', 'GZIP', 'BZIP2']).default('NONE'),
  csv: csvInput.optional(),
  json: z.strictObject({ type: z.enum(['DOCUMENT', 'LINES']) }).optional(),
  parquet: z.strictObject({}).optional(),
  output: z.union([
    z.strictObject({
      kind: z.literal('csv'),
      quoteFields: z.enum(['ASNEEDED', 'ALWAYS']).default('ASNEEDED'),
      quoteEscape: oneCharacter.default('"'),
      recordDelimiter: z.string().min(1).max(2).default('\n'),
      fieldDelimiter: z.string().min(1).max(2).default(','),
      quote: oneCharacter.default('"'),
    }),
    z.strictObject({ kind: z.literal('json'), recordDelimiter: z.string().min(1).max(2).default('\n') }),
  ]),
  progress: z.boolean().default(false),
  scanRange: z
    .strictObject({ start: z.number().int().min(0).optional(), end: z.number().int().min(0).optional() })
    .optional(),
});

export type SelectInput = z.input<typeof schema>;
export type ParsedSelect = z.output<typeof schema>;

/** S3's name for a value that is none, by where it stands. */
const NAMES: Readonly<Record<string, string>> = {
  compression: 'InvalidCompressionFormat',
  fileHeaderInfo: 'InvalidFileHeaderInfo',
  type: 'InvalidJsonType',
  quoteFields: 'InvalidQuoteFields',
  scanRange: 'InvalidScanRange',
};

/** The request with its defaults. **Errors**: S3's names as `context.s3_code`. */
export function parseSelectInput(input: SelectInput): ParsedSelect {
  const parsed = schema.safeParse(input);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const name = NAMES[String(path.at(-1))] ?? NAMES[String(path[0])] ?? 'InvalidRequestParameter';
    throw selectError(
      name,
      `The value of a parameter in the SelectRequest element is not valid: ${path.join('.')}: ${message}.`,
    );
  }
  const { csv, json, parquet, scanRange, compression } = parsed.data;
  if ([csv, json, parquet].filter((each) => each !== undefined).length !== 1) {
    throw selectError('InvalidDataSource', 'InputSerialization names exactly one of CSV, JSON and Parquet.');
  }
  if (parquet !== undefined && compression !== 'NONE') {
    throw selectError(
      'InvalidCompressionFormat',
      'A Parquet object is compressed inside: CompressionType is NONE for it.',
    );
  }
  if (scanRange === undefined) return parsed.data;
  if (parquet !== undefined || json?.type === 'DOCUMENT' || compression !== 'NONE') {
    throw selectError('UnsupportedScanRangeInput', 'A scan range needs uncompressed CSV or JSON LINES.');
  }
  const { start, end } = scanRange;
  if ((start === undefined && end === undefined) || (start !== undefined && end !== undefined && end < start)) {
    throw selectError(
      'InvalidScanRange',
      'The provided scan range is not valid: it needs a start or an end, the end not before the start.',
    );
  }
  return parsed.data;
}
