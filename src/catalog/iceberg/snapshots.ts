import { LochError } from '../../core/errors.ts';
import type { Catalog } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import { fold } from '../databases/parts.ts';
import type { IcebergParts } from './commit.ts';
import { commitChange } from './commit-change.ts';
import { metadataStage } from './evolve-schema.ts';

/** The snapshots of a table, oldest first. None of a table that is not Iceberg. */
export const snapshots =
  (parts: IcebergParts): Catalog['snapshots'] =>
  async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const record = await readTable(parts, context, name);
    if (record.metadataLocation === undefined) return [];
    const metadata = await parts.tables.readMetadata(record.metadataLocation);
    return metadata.snapshots.map((snapshot) => ({
      snapshotId: snapshot['snapshot-id'],
      at: snapshot['timestamp-ms'],
      operation: snapshot.summary.operation ?? 'unknown',
      summary: snapshot.summary,
      current: snapshot['snapshot-id'] === metadata['current-snapshot-id'],
    }));
  };

/** Makes an earlier snapshot the current one again; later ones stay and can be returned to. */
export const rollbackTable =
  (parts: IcebergParts): Catalog['rollbackTable'] =>
  async (context, given, snapshotId) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'UpdateTable', name);
    for (const permission of ['INSERT', 'DELETE'] as const) await requireTable(parts, context, name, permission);
    return commitChange(
      parts,
      context,
      name,
      metadataStage(parts, ({ metadata }) => {
        if (metadata['current-snapshot-id'] === snapshotId) return [];
        if (!metadata.snapshots.some((snapshot) => snapshot['snapshot-id'] === snapshotId)) {
          throw new LochError(
            'not_found',
            `\`${name.database}.${name.table}\` has no snapshot \`${snapshotId}\`. Known: ${metadata.snapshots.map((s) => s['snapshot-id']).join(', ') || 'none'}.`,
            { context: { snapshotId } },
          );
        }
        return [{ action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': snapshotId }];
      }),
    );
  };
