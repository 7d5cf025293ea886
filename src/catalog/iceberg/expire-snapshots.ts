import type { TableMetadata } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { fold } from '../databases/parts.ts';
import type { IcebergParts } from './commit.ts';
import { commitChange } from './commit-change.ts';
import { metadataStage } from './evolve-schema.ts';
import { isInside } from './table-place.ts';
import { maintainedTable } from './maintenance.ts';

/**
 * Expires snapshots in one commit, then removes what only they had. A crash in between leaves orphans, never a table
 * that lacks a file.
 */
export const expireSnapshots =
  (parts: IcebergParts): Catalog['expireSnapshots'] =>
  async (context, given, options = {}) => {
    const name = fold(given);
    await maintainedTable(parts, context, name, ['ALTER', 'DELETE']);
    let before: { readonly metadata: TableMetadata; readonly location: string } | undefined;
    await commitChange(
      parts,
      context,
      name,
      metadataStage(parts, (base) => {
        before = base;
        return parts.tables.expiryUpdates(base.metadata, options);
      }),
    );
    const after = await maintainedTable(parts, context, name, []);
    const expired = before!.metadata.snapshots.filter(
      (snapshot) => !after.metadata.snapshots.some((kept) => kept['snapshot-id'] === snapshot['snapshot-id']),
    );
    if (expired.length === 0) return { snapshots: 0, files: 0 };
    // Only files of expired snapshots can have become free, and only those no kept snapshot shares do.
    const lost = await parts.tables.reachableFiles({ ...before!.metadata, snapshots: expired, 'metadata-log': [] });
    const kept = await parts.tables.reachableFiles(after.metadata, after.location);
    const needed = new Set([...kept.metadata, ...kept.data]);
    const free = [...lost.metadata, ...lost.data].filter(
      (file) => !needed.has(file) && isInside(after.metadata.location, file),
    );
    if (options.keepFiles === true) return { snapshots: expired.length, files: 0 };
    await parts.tables.removeFiles(free);
    const data = new Set(lost.data);
    const lists = new Set(expired.map((snapshot) => snapshot['manifest-list']));
    return {
      snapshots: expired.length,
      files: free.length,
      dataFiles: free.filter((file) => data.has(file)).length,
      manifestLists: free.filter((file) => lists.has(file)).length,
    };
  };
