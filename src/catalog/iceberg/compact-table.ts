import { isLochError } from '../../core/errors.ts';
import type { DataFile } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { fold } from '../databases/parts.ts';
import { commitTable } from './commit-table.ts';
import type { IcebergParts } from './commit.ts';
import { maintainedTable } from './maintenance.ts';

/** Writes small files again as fewer ones. A group that another writer has touched meanwhile is left to the next run. */
export const compactTable = (parts: IcebergParts): Catalog['compactTable'] => {
  const commit = commitTable(parts);
  return async (context, given, rewrite, options = {}) => {
    const name = fold(given);
    const table = await maintainedTable(parts, context, name, ['INSERT', 'DELETE']);
    const groups = await parts.tables.compactionGroups(table.metadata, options);
    const result = { groups: 0, filesBefore: 0, filesAfter: 0 };
    for (const group of groups) {
      const files = await rewrite(table, group);
      try {
        await commit(context, name, {
          kind: 'replace',
          operation: 'replace',
          remove: group.files.map((file) => file.path),
          files,
          basedOn: group.basedOn,
          sequenceNumber: group.sequenceNumber,
        });
      } catch (error) {
        await discard(parts, files, error);
        if (!isLochError(error, 'commit_conflict')) throw error;
        continue;
      }
      result.groups++;
      result.filesBefore += group.files.length;
      result.filesAfter += files.length;
    }
    return result;
  };
};

/** New files of a group that was not committed go; of one whose state is unknown they may be the table's. */
async function discard(parts: IcebergParts, files: readonly DataFile[], error: unknown): Promise<void> {
  if (isLochError(error, 'commit_state_unknown')) return;
  await parts.tables.removeFiles(files.map((file) => file.path));
}
