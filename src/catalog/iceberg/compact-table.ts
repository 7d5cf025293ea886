import { isLochError, LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { DataFile, ScanFile, TableMetadata } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { fold } from '../databases/parts.ts';
import { commitTable } from './commit-table.ts';
import type { IcebergParts } from './commit.ts';
import { maintainedTable } from './maintenance.ts';

/**
 * Writes small files again as fewer ones. A group that another writer has touched meanwhile is left to the next run.
 *
 * Invariants
 * - A delete file goes with the last of the files it applied to, in the same commit: never before, so that no deleted
 *   row comes back, and not after, so that nothing is compacted twice for its sake.
 */
export const compactTable = (parts: IcebergParts): Catalog['compactTable'] => {
  const commit = commitTable(parts);
  return async (context, given, rewrite, options = {}) => {
    const name = fold(given);
    const table = await maintainedTable(parts, context, name, ['INSERT', 'DELETE']);
    assertRewritable(name, table.metadata);
    const groups = await parts.tables.compactionGroups(table.metadata, options);
    const users = usersOfDeletes((await parts.tables.planScan(table.metadata, {})).files);
    const result = { groups: 0, filesBefore: 0, filesAfter: 0, bytes: 0, deleteFiles: 0 };
    for (const group of groups) {
      if (result.bytes >= (options.maxBytes ?? Number.POSITIVE_INFINITY)) break;
      context.signal.throwIfAborted();
      const files = await rewrite(table, group);
      const spent = spentDeletes(users, group.files);
      try {
        await commit(context, name, {
          kind: 'replace',
          operation: 'replace',
          remove: group.files.map((file) => file.path),
          files,
          basedOn: group.basedOn,
          sequenceNumber: group.sequenceNumber,
          removeDeletes: spent,
        });
      } catch (error) {
        await discard(parts, files, error);
        if (!isLochError(error, 'commit_conflict')) throw error;
        continue;
      }
      forget(users, group.files);
      result.groups++;
      result.filesBefore += group.files.length;
      result.filesAfter += files.length;
      result.bytes += group.bytes;
      result.deleteFiles += spent.length;
    }
    return result;
  };
};

function assertRewritable(name: TableName, metadata: TableMetadata): void {
  if (metadata['format-version'] < 3) return;
  throw new LochError(
    'unsupported',
    `\`${name.database}.${name.table}\` is of Iceberg format version 3, whose rows keep their ids when they are written again; that is not done here. Compact it with an engine that writes version 3.`,
    { context: { ...name, version: metadata['format-version'] } },
  );
}

/** Delete file → the live data files it applies to. */
type Users = Map<string, Set<string>>;

function usersOfDeletes(files: readonly ScanFile[]): Users {
  const users: Users = new Map();
  for (const file of files) {
    for (const { path } of file.deletes) {
      const known = users.get(path);
      if (known === undefined) users.set(path, new Set([file.path]));
      else known.add(file.path);
    }
  }
  return users;
}

/** The delete files that nothing but these files needs. */
function spentDeletes(users: Users, files: readonly ScanFile[]): readonly string[] {
  const going = new Set(files.map((file) => file.path));
  const named = new Set(files.flatMap((file) => file.deletes.map(({ path }) => path)));
  return [...named].filter((path) => [...(users.get(path) ?? [])].every((file) => going.has(file)));
}

function forget(users: Users, files: readonly ScanFile[]): void {
  for (const file of files) {
    for (const { path } of file.deletes) users.get(path)?.delete(file.path);
  }
}

/** New files of a group that was not committed go; of one whose state is unknown they may be the table's. */
async function discard(parts: IcebergParts, files: readonly DataFile[], error: unknown): Promise<void> {
  if (isLochError(error, 'commit_state_unknown')) return;
  await parts.tables.removeFiles(files.map((file) => file.path));
}
