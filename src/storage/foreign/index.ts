import type { ForeignSnapshot, ForeignTables } from './contract-types.ts';
import { planDelta, readDelta } from './delta/snapshot.ts';
import { readHudi } from './hudi/snapshot.ts';
import { hudiProperties } from './hudi/timeline.ts';
import { type FolderObjects, TableFolder } from './table-folder.ts';

/** How many files the snapshots kept may name together. */
const KEPT_FILES = 200_000;

/** Tables of other formats on an object store. Keeps a few Delta states, which never change once committed. */
export function createForeignTables({ objects }: { readonly objects: FolderObjects }): ForeignTables {
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
