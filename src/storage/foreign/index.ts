import { isLochError, LochError } from '../../core/errors.ts';
import type { ObjectStore } from '../contract.ts';
import { parseS3Uri } from '../s3-uri.ts';
import type { ForeignSnapshot, ForeignTables } from './contract-types.ts';
import { exportDeltaLog } from './delta/export-log.ts';
import { planDelta, readDelta } from './delta/snapshot.ts';
import { readHudi } from './hudi/snapshot.ts';
import { hudiProperties } from './hudi/timeline.ts';
import { type FolderObjects, TableFolder } from './table-folder.ts';

/** How many files the snapshots kept may name together. */
const KEPT_FILES = 200_000;

/** Tables of other formats on an object store. Keeps a few Delta states, which never change once committed. */
export function createForeignTables({
  objects,
  now = Date.now,
}: {
  readonly objects: FolderObjects & Partial<Pick<ObjectStore, 'put'>>;
  /** **Units**: milliseconds since 1970 UTC. */
  readonly now?: () => number;
}): ForeignTables {
  const kept = new Map<string, ForeignSnapshot>();
  let files = 0;
  const keep = (key: string, snapshot: ForeignSnapshot) => {
    kept.set(key, snapshot);
    files += snapshot.files.length;
    for (const [oldest, { files: some }] of kept) {
      if (files <= KEPT_FILES) break;
      kept.delete(oldest);
      files -= some.length;
    }
  };
  return {
    async exportDelta(location, table) {
      const folder = new TableFolder(objects, location);
      const { bucket, key } = parseS3Uri(folder.location);
      return exportDeltaLog(folder, table, now(), async (path, body) => {
        if (objects.put === undefined) throw new LochError('unsupported', 'This store is for reading alone.');
        try {
          await objects.put(bucket, key === '' ? path : `${key}/${path}`, body, { ifNoneMatch: '*' });
        } catch (error) {
          if (!isLochError(error, 'precondition_failed')) throw error;
          throw new LochError('commit_conflict', `Another wrote \`${path}\` of \`${location}\` meanwhile. Try again.`, {
            context: { location },
            cause: error,
          });
        }
      });
    },
    async readOptimisedOnly(kind, location) {
      if (kind !== 'hudi') return false;
      const properties = await hudiProperties(new TableFolder(objects, location));
      return (properties['hoodie.table.type'] ?? 'COPY_ON_WRITE') !== 'COPY_ON_WRITE';
    },
    async snapshot(kind, location, version = {}) {
      const folder = new TableFolder(objects, location);
      if (kind === 'hudi') return readHudi(folder, version);
      const plan = await planDelta(folder, version);
      const key = `${folder.location} ${plan.mark}`;
      const known = kept.get(key);
      if (known !== undefined) return known;
      const snapshot = await readDelta(folder, plan);
      keep(key, snapshot);
      return snapshot;
    },
  };
}
