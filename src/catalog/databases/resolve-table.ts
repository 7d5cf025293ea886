import type { Catalog } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from './access.ts';
import { type CatalogParts, fold } from './parts.ts';

/** A table as a planner needs it: all columns, and Iceberg's metadata. The planner applies the caller's shape itself. */
export const resolveTable =
  (parts: CatalogParts): Catalog['resolveTable'] =>
  async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const record = await readTable(parts, context, name);
    if (record.metadataLocation === undefined) return { record };
    return { record, metadata: await parts.tables.readMetadata(record.metadataLocation) };
  };
