import { setTimeout as delay } from 'node:timers/promises';
import type { IcebergOperations } from '../databases/index.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { IcebergParts } from './commit.ts';
import { CommitQueue } from './commit-queue.ts';
import { commitTable } from './commit-table.ts';
import { commitUpdates } from './commit-updates.ts';
import { openForEngine } from './open-for-engine.ts';
import { createIcebergTable, draftIcebergTable } from './create-iceberg-table.ts';
import { compactTable } from './compact-table.ts';
import { expireSnapshots } from './expire-snapshots.ts';
import { removeOrphanFiles } from './remove-orphan-files.ts';
import { evolveSchema } from './evolve-schema.ts';
import { rollbackTable, snapshots } from './snapshots.ts';

/** The use-cases of Iceberg tables. */
export function icebergUseCases(
  catalogParts: CatalogParts,
  chance: { readonly random?: () => number } = {},
): IcebergOperations {
  const parts: IcebergParts = {
    ...catalogParts,
    queue: new CommitQueue(),
    random: chance.random ?? Math.random,
    sleep: async (ms, signal) => {
      // Who waits and is cancelled goes on at once; the next attempt refuses.
      await delay(ms, undefined, { signal }).catch(() => {});
    },
  };
  return {
    createIcebergTable: createIcebergTable(parts),
    draftIcebergTable: draftIcebergTable(parts),
    openForEngine: openForEngine(parts),
    commitUpdates: commitUpdates(parts),
    commitTable: commitTable(parts),
    evolveSchema: evolveSchema(parts),
    snapshots: snapshots(parts),
    rollbackTable: rollbackTable(parts),
    expireSnapshots: expireSnapshots(parts),
    removeOrphanFiles: removeOrphanFiles(parts),
    compactTable: compactTable(parts),
  };
}
