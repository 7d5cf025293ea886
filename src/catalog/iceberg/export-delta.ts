import { LochError } from '../../core/errors.ts';
import type { IcebergType } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { readTable, requireTable } from '../databases/access.ts';
import { type CatalogParts, fold } from '../databases/parts.ts';
import { planTableScan } from '../databases/plan-table-scan.ts';
import { openForEngine } from './open-for-engine.ts';

/** Names and types by field id, nested ones too. */
function fieldsById(type: IcebergType, found = new Map<number, string>(), prefix = ''): Map<number, string> {
  if (typeof type === 'string') return found;
  if (type.type === 'struct') {
    for (const field of type.fields) {
      const shape = typeof field.type === 'string' ? field.type : field.type.type;
      found.set(field.id, `${prefix}${field.name} ${shape}`);
      fieldsById(field.type, found, `${prefix}${field.name}.`);
    }
  } else if (type.type === 'list') fieldsById(type.element, found, `${prefix}element.`);
  else fieldsById(type.value, found, `${prefix}value.`);
  return found;
}

/**
 * Writes a Delta log beside an Iceberg table, over the same data files, so that Delta readers read its current snapshot.
 * Whoever does it must see the whole table and may alter it; Loch itself goes on reading Iceberg's metadata.
 * **Errors**: `unsupported` for what Delta cannot say of the files: deleted rows, renamed or changed columns.
 */
export const exportDelta =
  (parts: CatalogParts): NonNullable<Catalog['exportDelta']> =>
  async (context, given) => {
    const name = fold(given);
    await requireTable(parts, context, name, 'ALTER');
    await requireTable(parts, context, name, 'INSERT');
    const record = await readTable(parts, context, name);
    const refuse = (what: string) =>
      new LochError('unsupported', `\`${name.database}.${name.table}\` cannot be read as Delta: ${what}.`, {
        context: { ...name },
      });
    if (record.metadataLocation === undefined) throw refuse('it is no Iceberg table');
    const table = await openForEngine(parts)(context, name);
    const metadata = table.metadata!;
    const schema = metadata.schemas.find((one) => one['schema-id'] === metadata['current-schema-id'])!;
    const now = fieldsById(schema);
    for (const older of metadata.schemas) {
      for (const [id, field] of fieldsById(older)) {
        const then = now.get(id);
        if (then !== undefined && then !== field) {
          throw refuse(`the column \`${field}\` became \`${then}\`, and Delta finds columns by name. Copy the table`);
        }
      }
    }
    const scan = await planTableScan(parts)(table, {});
    if (scan.files.some((file) => (file.deletes ?? []).length > 0 || file.deletedRows !== undefined)) {
      throw refuse('it has files with deleted rows. Compact it first');
    }
    const odd = scan.files.find((file) => !/\.parquet$/i.test(file.key));
    if (odd !== undefined) throw refuse(`the file \`${odd.key}\` is no Parquet`);
    return parts.foreignTables.exportDelta(metadata.location, {
      source: `iceberg ${metadata['current-snapshot-id'] ?? 'empty'}`,
      fields: schema.fields,
      files: scan.files.map(({ bucket, key, bytes }) => ({ path: `s3://${bucket}/${key}`, bytes })),
    });
  };
