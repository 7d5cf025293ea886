import { LochError } from '../../core/errors.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { authorizeGlue, requireTable } from '../databases/access.ts';
import { fold } from '../databases/parts.ts';
import type { IcebergParts } from './commit.ts';
import { commitTable } from './commit-table.ts';
import { commitChange } from './commit-change.ts';
import { metadataStage } from './evolve-schema.ts';

/**
 * Publishes what a snapshot appended that is not among the table's: staged by `write.wap.enabled`, or of another branch.
 * One that follows on the current snapshot becomes the current one itself, any other gives its files to a new one.
 */
export const cherryPick = (parts: IcebergParts): Catalog['cherryPick'] => {
  const commit = commitTable(parts);
  return async (context, given, snapshotId) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'UpdateTable', name);
    await requireTable(parts, context, name, 'INSERT');
    let follows = false;
    const moved = await commitChange(
      parts,
      context,
      name,
      metadataStage(parts, ({ metadata }) => {
        const picked = pickable(metadata, snapshotId);
        follows = picked['parent-snapshot-id'] === metadata['current-snapshot-id'] && isAppend(picked);
        if (!follows) return [];
        return [
          {
            ...keptOf(metadata),
            action: 'set-snapshot-ref',
            'ref-name': 'main',
            type: 'branch',
            'snapshot-id': snapshotId,
          },
        ];
      }),
    );
    if (follows) return moved;
    return commit(
      context,
      name,
      (metadata) => {
        const wap = pickable(metadata, snapshotId).summary['wap.id'];
        const source = { 'source-snapshot-id': snapshotId, ...(wap === undefined ? {} : { 'published-wap-id': wap }) };
        return Promise.resolve({ kind: 'append', files: [], pick: snapshotId, summary: source });
      },
      { permission: 'INSERT' },
    );
  };
};

const isAppend = (snapshot: TableMetadata['snapshots'][number]): boolean => snapshot.summary.operation === 'append';

/** The retention of `main`, which moving it keeps. */
function keptOf(metadata: TableMetadata): object {
  const { 'snapshot-id': _id, type: _type, ...retention } = metadata.refs.main ?? {};
  return retention;
}

/** **Errors**: `not_found`; `conflict` for a snapshot, or another of its `wap.id`, that is published already. */
function pickable(metadata: TableMetadata, snapshotId: string) {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
  const picked = byId.get(snapshotId);
  if (picked === undefined) {
    throw new LochError(
      'not_found',
      `No snapshot \`${snapshotId}\`. Known: ${[...byId.keys()].slice(-20).join(', ') || 'none'}.`,
      { context: { snapshotId } },
    );
  }
  const wap = picked.summary['wap.id'];
  for (let at = byId.get(metadata['current-snapshot-id'] ?? ''); at !== undefined; ) {
    const { summary } = at;
    const same = wap !== undefined && (summary['published-wap-id'] === wap || summary['wap.id'] === wap);
    if (at['snapshot-id'] === snapshotId || summary['source-snapshot-id'] === snapshotId || same) {
      throw new LochError(
        'conflict',
        `Snapshot ${snapshotId}${wap === undefined ? '' : ` (\`wap.id\` ${wap})`} is published already, by snapshot ${at['snapshot-id']}.`,
        { context: { snapshotId, publishedBy: at['snapshot-id'] } },
      );
    }
    at = byId.get(at['parent-snapshot-id'] ?? '');
  }
  return picked;
}
