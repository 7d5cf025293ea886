import { LochError } from '../../core/errors.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import { sqlName, sqlString } from '../../core/sql-text.ts';

/** How the rows of a statement are split into the partitions of a table. */
export interface PartitionLayout {
  /** Result columns that split the output, as `expression AS name`; they are no columns of the table. */
  readonly expressions: readonly string[];
  /** Their names, for the engine's writer. */
  readonly columns: readonly string[];
  /** Partition values by partition field name, from the values the writer split by. */
  valuesOf(split: Readonly<Record<string, string | null>>): Record<string, string | null>;
}

/** Marks of a split value, so that NULL and the engine's word for it stay apart. */
const PRESENT = 'v';
const ABSENT = 'n';

/**
 * The layout of a table's default partition spec. Written in SQL that both dialects read alike.
 * **Errors**: `unsupported` naming the transform.
 */
export function partitionLayout(metadata: TableMetadata): PartitionLayout {
  const spec = metadata['partition-specs'].find((s) => s['spec-id'] === metadata['default-spec-id']);
  const schema = metadata.schemas.find((s) => s['schema-id'] === metadata['current-schema-id']);
  const fields = (spec?.fields ?? []).filter((field) => field.transform !== 'void');
  const columns = fields.map((_, i) => `_loch_p${i}`);
  const expressions = fields.map((field, i) => {
    const source = schema?.fields.find((f) => f.id === field['source-id']);
    if (source === undefined) {
      throw new LochError('unsupported', `The partition field \`${field.name}\` is made from a column inside another.`);
    }
    const column = sqlName(source.name);
    const value = transformSql(field.transform, column, String(source.type));
    return `CASE WHEN ${column} IS NULL THEN ${sqlString(ABSENT)} ELSE concat(${sqlString(PRESENT)}, ${value}) END AS ${sqlName(columns[i]!)}`;
  });
  return {
    expressions,
    columns,
    valuesOf: (split) =>
      Object.fromEntries(
        fields.map((field, i) => {
          const value = split[columns[i]!] ?? ABSENT;
          return [field.name, value.startsWith(PRESENT) ? value.slice(PRESENT.length) : null];
        }),
      ),
  };
}

/** The text of a partition value: years `2026`, months `2026-01`, days `2026-01-31`, hours `2026-01-31-10`. */
function transformSql(transform: string, column: string, type: string): string {
  const text = `CAST(${column} AS VARCHAR)`;
  const width = /^truncate\[(\d+)\]$/.exec(transform)?.[1];
  if (width !== undefined && type === 'string') return `substr(${column}, 1, ${width})`;
  if (width !== undefined && (type === 'int' || type === 'long')) {
    return `CAST(${column} - (((${column} % ${width}) + ${width}) % ${width}) AS VARCHAR)`;
  }
  switch (transform) {
    case 'identity':
      return text;
    case 'year':
      return `substr(${text}, 1, 4)`;
    case 'month':
      return `substr(${text}, 1, 7)`;
    case 'day':
      return `substr(${text}, 1, 10)`;
    case 'hour':
      return `concat(substr(${text}, 1, 10), '-', substr(${text}, 12, 2))`;
    default:
      throw new LochError(
        'unsupported',
        `Jobs cannot write tables partitioned by \`${transform}\` of a ${type} column. They can by identity, year, month, day, hour, and truncate[W] of string, int and long.`,
        { context: { transform } },
      );
  }
}
