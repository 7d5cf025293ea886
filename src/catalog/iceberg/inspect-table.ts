import { LochError } from '../../core/errors.ts';
import type { MetadataTableName } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import { type CatalogParts, fold } from '../databases/parts.ts';
import { openForEngine } from './open-for-engine.ts';

/** Metadata tables that tell of the table's history alone. All others name files, partitions and bounds: values of rows. */
const HISTORY = new Set<MetadataTableName>(['snapshots', 'history', 'refs', 'properties', 'metadata_log_entries']);

/** Rows about a table; who sees less than all of it learns of its history, not of its files. */
export const metadataTable =
  (parts: CatalogParts): Catalog['metadataTable'] =>
  async (context, given, kind, request) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const record = await readTable(parts, context, name);
    if (record.metadataLocation === undefined) {
      throw new LochError(
        'unsupported',
        `\`${name.database}.${name.table}\` is a ${record.format} table; only Iceberg tables have \`$${kind}\`.`,
        { context: { table: `${name.database}.${name.table}` } },
      );
    }
    if (!HISTORY.has(kind)) {
      const shape = await parts.policy.tableShape(context, name, record.columns);
      if (shape.kind !== 'full') {
        throw new LochError(
          'access_denied',
          `\`${name.database}.${name.table}$${kind}\` needs SELECT on every row and column of the table: its bounds and partitions tell values.`,
          { context: { database: name.database, table: `${name.table}$${kind}` } },
        );
      }
    }
    return parts.tables.metadataTable(await parts.tables.readMetadata(record.metadataLocation), kind, request);
  };

/** A scan planned for an engine that reads the files itself: whole files, so only for who may see all of the table. */
export const planForEngine = (parts: CatalogParts): Pick<Catalog, 'scanManifests' | 'scanTasks'> => {
  const open = openForEngine(parts);
  const readable = async (context: Parameters<Catalog['scanTasks']>[0], name: Parameters<Catalog['scanTasks']>[1]) => {
    const { record, metadata } = await open(context, name);
    // Files, partitions and bounds tell of rows: who may only write gets none.
    await parts.policy.tableShape(context, fold(name), record.columns);
    return metadata!;
  };
  return {
    scanManifests: async (context, name, request) => parts.tables.scanManifests(await readable(context, name), request),
    scanTasks: async (context, name, request) => parts.tables.scanTasks(await readable(context, name), request),
  };
};
