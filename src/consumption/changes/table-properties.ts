/** Properties of Iceberg tables as statements give them: Athena's own names as the format's, unknown ones refused. */
import { LochError } from '../../core/errors.ts';

const MODES = new Set(['copy-on-write', 'merge-on-read']);
const LEVELS = new Set(['serializable', 'snapshot']);

/** Athena's words for properties of the format. **Source**: Athena, "Create Iceberg tables", table properties. */
const ATHENA: Readonly<Record<string, string>> = {
  format: 'write.format.default',
  write_compression: 'write.parquet.compression-codec',
  write_target_data_file_size_bytes: 'write.target-file-size-bytes',
};

const KNOWN = [
  /^write\./,
  /^read\./,
  /^commit\./,
  /^history\./,
  /^gc\.enabled$/,
  /^format-version$/,
  /^schema\.name-mapping\.default$/,
  /^loch\./,
  /^comment$/,
  /^owner$/,
  /^(optimize|vacuum)_[a-z_]+$/,
  /^classification$/,
];

/** **Errors**: `invalid_argument` naming the property and the values it takes. */
export function tableProperties(given: Readonly<Record<string, string>>): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const [written, value] of Object.entries(given)) {
    const name = ATHENA[written.toLowerCase()] ?? written;
    if (name.toLowerCase() === 'table_type') continue;
    if (!KNOWN.some((pattern) => pattern.test(name))) {
      throw new LochError(
        'invalid_argument',
        `The table property \`${written}\` is not known for Iceberg tables. Known: ${Object.keys(ATHENA).join(', ')}, vacuum_…, optimize_…, and the format's own (write.…, commit.…, history.…, read.…).`,
        { context: { property: written, errorName: 'INVALID_TABLE_PROPERTY' } },
      );
    }
    properties[name] = checked(name, value);
  }
  return properties;
}

function checked(name: string, value: string): string {
  if (/^write\.(delete|update|merge)\.mode$/.test(name)) return oneOf(name, value, MODES);
  if (/^write\.(delete|update|merge)\.isolation-level$/.test(name)) return oneOf(name, value, LEVELS);
  if (name === 'write.format.default') return oneOf(name, value, new Set(['parquet']));
  if (name === 'write.parquet.compression-codec') {
    return oneOf(name, value === 'none' ? 'uncompressed' : value, new Set(['zstd', 'snappy', 'gzip', 'uncompressed']));
  }
  return value;
}

function oneOf(name: string, value: string, known: ReadonlySet<string>): string {
  const folded = value.toLowerCase();
  if (known.has(folded)) return folded;
  throw new LochError('invalid_argument', `\`${name}\` cannot be \`${value}\`. It takes: ${[...known].join(', ')}.`, {
    context: { property: name, errorName: 'INVALID_TABLE_PROPERTY' },
  });
}
