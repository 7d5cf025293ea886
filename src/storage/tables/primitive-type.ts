/** Primitive types of the specification, parsed. **Source**: Iceberg specification, "Primitive Types". */
import { LochError } from '../../core/errors.ts';

export type PrimitiveType =
  | {
      readonly kind:
        | 'boolean'
        | 'int'
        | 'long'
        | 'float'
        | 'double'
        | 'date'
        | 'time'
        | 'timestamp'
        | 'timestamptz'
        | 'timestamp_ns'
        | 'timestamptz_ns'
        | 'string'
        | 'uuid'
        | 'binary'
        /** Version 3: every value is null. */
        | 'unknown'
        /** Version 3: carried, and refused where a statement reads it. */
        | 'variant'
        | 'geometry'
        | 'geography';
    }
  | { readonly kind: 'fixed'; readonly length: number }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number };

const PLAIN = new Set<string>([
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'binary',
  'unknown',
  'variant',
]);
const known = new Map<string, PrimitiveType>();

/** The parsed form of a primitive type text. **Errors**: `unsupported` naming the type. */
export function parsePrimitiveType(text: string): PrimitiveType {
  let type = known.get(text);
  if (type === undefined) {
    type = parse(text);
    if (known.size < 10_000) known.set(text, type);
  }
  return type;
}

function parse(text: string): PrimitiveType {
  if (PLAIN.has(text)) return { kind: text } as PrimitiveType;
  const decimal = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(text);
  if (decimal !== null) {
    const precision = Number(decimal[1]);
    const scale = Number(decimal[2]);
    if (precision >= 1 && precision <= 38 && scale <= precision) return { kind: 'decimal', precision, scale };
  }
  const shape = /^(geometry|geography)(?:\([^()]*\))?$/.exec(text);
  if (shape !== null) return { kind: shape[1] as 'geometry' | 'geography' };
  const fixed = /^fixed\[\s*(\d+)\s*\]$/.exec(text);
  if (fixed !== null) return { kind: 'fixed', length: Number(fixed[1]) };
  throw new LochError(
    'unsupported',
    `The Iceberg type \`${text}\` is not supported. Supported: ${[...PLAIN].join(', ')}, geometry, geography, decimal(p,s) with p at most 38, fixed[n].`,
    { context: { type: text } },
  );
}
