import type { TableUpdate } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import { fold } from '../databases/parts.ts';
import { type CommitBase, type IcebergParts, type Stage, unwritten } from './commit.ts';
import { commitChange } from './commit-change.ts';

/** Gives a table other columns, matched by name, as a metadata-only commit. */
export const evolveSchema =
  (parts: IcebergParts): Catalog['evolveSchema'] =>
  async (context, given, columns) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'UpdateTable', name);
    await requireTable(parts, context, name, 'ALTER');
    const wanted = columns.map((column) => ({ ...column, name: column.name.toLowerCase() }));
    await commitChange(
      parts,
      context,
      name,
      metadataStage(parts, (base) => parts.tables.schemaUpdates(base.metadata, wanted)),
    );
    const record = await readTable(parts, context, name);
    return { record, metadata: await parts.tables.readMetadata(record.metadataLocation!) };
  };

/** Attempts that apply updates of metadata, made afresh on each base; none means there is nothing to change. */
export function metadataStage(parts: IcebergParts, updatesFor: (base: CommitBase) => readonly TableUpdate[]): Stage {
  return async (base) => {
    const updates = updatesFor(base);
    if (updates.length === 0) return undefined;
    const metadata = parts.tables.applyUpdates(base.metadata, updates);
    return { staged: unwritten(metadata), operation: 'metadata', addedRows: 0 };
  };
}
