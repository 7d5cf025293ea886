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
import { rewriteManifests } from './rewrite-manifests.ts';
import { evolveSchema } from './evolve-schema.ts';
import { rollbackTable, snapshots } from './snapshots.ts';
import { cherryPick } from './cherry-pick.ts';
import { changeReferences } from './change-references.ts';
import { commitTransaction } from './commit-transaction.ts';
import { metadataTable, planForEngine } from './inspect-table.ts';
import { lendAccess, type Lender } from './lend-access.ts';
import { purgeIceberg, registerIceberg, unregisterIceberg } from './register.ts';
import { requestKeys } from './request-keys.ts';
import { createView, dropView, openView, registerView, replaceView, movedText } from './views.ts';
import { deleteTable } from '../databases/delete-table.ts';
import { renameTable } from '../databases/rename-table.ts';

/** The use-cases of Iceberg tables. */
export function icebergUseCases(
  catalogParts: CatalogParts,
  chance: { readonly random?: () => number; readonly lender?: Lender | undefined } = {},
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
    rewriteManifests: rewriteManifests(parts),
    commitTransaction: commitTransaction(parts),
    renameTable: renameTable(parts, movedText),
    registerIcebergTable: registerIceberg(parts),
    unregisterIcebergTable: unregisterIceberg(parts),
    purgeIcebergTable: purgeIceberg(parts),
    changeReferences: changeReferences(parts),
    cherryPick: cherryPick(parts),
    metadataTable: metadataTable(parts),
    ...planForEngine(parts),
    lendAccess: lendAccess(parts, chance.lender),
    createView: createView(parts),
    openView: openView(parts),
    replaceView: replaceView(parts),
    registerView: registerView(parts),
    dropView: dropView(parts, deleteTable(parts)),
    ...requestKeys(parts),
  };
}
