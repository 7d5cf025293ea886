import type { Catalog } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { newId } from '../../core/ids.ts';
import type { TableName } from '../../governance/contract.ts';
import { formatS3Uri, type ObjectStore, parseS3Uri, type TableFormat } from '../../storage/contract.ts';
import type { FileRewriter, OptimizerConfiguration, OptimizerRun, OptimizerType } from './contract.ts';

const DAY_MS = 24 * 3_600_000;
/** AWS's default. */
const MIN_FILES = 100;
/** What one run writes again at most; the rest is left to the next. */
const RUN_BYTES = 5 * 1024 ** 3;
/** From so many manifests on they are joined after a compaction. */
const MANY_MANIFESTS = 20;

export interface PerformDeps {
  readonly catalog: Catalog;
  readonly tables: TableFormat;
  readonly objects: Pick<ObjectStore, 'list'>;
  readonly rewriter: FileRewriter;
}

/** The options of a compaction as the table format takes them. */
export function compactionOptions(configuration: OptimizerConfiguration) {
  const { minFiles, deleteFileThreshold } = configuration.compaction ?? {};
  return {
    minFiles: minFiles ?? MIN_FILES,
    maxBytes: RUN_BYTES,
    ...(deleteFileThreshold === undefined ? {} : { deleteFileThreshold }),
  };
}

/** Does what a run is for. Begun again it does what is left. */
export function performRun(
  deps: PerformDeps,
  context: RequestContext,
  run: { readonly id: string; readonly table: TableName; readonly type: OptimizerType; readonly again: boolean },
  configuration: OptimizerConfiguration,
): Promise<NonNullable<OptimizerRun['metrics']>> {
  switch (run.type) {
    case 'compaction':
      return compact(deps, context, run, configuration);
    case 'retention':
      return expire(deps, context, run.table, configuration);
    case 'orphan_file_deletion':
      return removeOrphans(deps, context, run.table, configuration);
  }
}

async function compact(
  deps: PerformDeps,
  context: RequestContext,
  run: { readonly id: string; readonly table: TableName; readonly again: boolean },
  configuration: OptimizerConfiguration,
) {
  if (run.again) await removeLeftovers(deps, context, run);
  const sorted = configuration.compaction?.strategy === 'sort';
  const done = await deps.catalog.compactTable(
    context,
    run.table,
    (table, group) => deps.rewriter(context, table, group, { name: `${run.id}-${newId()}`, sorted }),
    compactionOptions(configuration),
  );
  const { metadata } = await deps.catalog.resolveTable(context, run.table);
  const many = metadata !== undefined && (await deps.tables.manifestCount(metadata)) >= MANY_MANIFESTS;
  const manifests = many ? await deps.catalog.rewriteManifests(context, run.table) : { before: 0, after: 0 };
  return {
    bytesCompacted: done.bytes,
    filesCompacted: done.filesBefore,
    filesWritten: done.filesAfter,
    deleteFilesRemoved: done.deleteFiles,
    manifestsMerged: manifests.before - manifests.after,
  };
}

/**
 * Files that this run wrote before it was cut off, and that no commit took. They bear its id, and nobody else writes
 * under it.
 */
async function removeLeftovers(
  deps: PerformDeps,
  context: RequestContext,
  run: { readonly id: string; readonly table: TableName },
): Promise<void> {
  const { metadata } = await deps.catalog.resolveTable(context, run.table);
  if (metadata === undefined) return;
  const { bucket, key } = parseS3Uri(metadata.location);
  const written: string[] = [];
  let startAfter: string | undefined;
  do {
    const page = await deps.objects.list(bucket, {
      prefix: `${key.replace(/\/+$/, '')}/data/${run.id}-`,
      ...(startAfter === undefined ? {} : { startAfter }),
    });
    written.push(...page.objects.map((object) => formatS3Uri({ bucket, key: object.key })));
    startAfter = page.next;
  } while (startAfter !== undefined);
  if (written.length === 0) return;
  const taken = new Set((await deps.tables.reachableFiles(metadata)).data);
  await deps.tables.removeFiles(written.filter((file) => !taken.has(file)));
}

async function expire(
  deps: PerformDeps,
  context: RequestContext,
  table: TableName,
  configuration: OptimizerConfiguration,
) {
  const { snapshotDays, snapshotsKept, cleanFiles } = configuration.retention ?? {};
  const done = await deps.catalog.expireSnapshots(context, table, {
    ...(snapshotDays === undefined ? {} : { maxAgeMs: snapshotDays * DAY_MS }),
    ...(snapshotsKept === undefined ? {} : { minKept: snapshotsKept }),
    keepFiles: cleanFiles === false,
  });
  const { dataFiles = 0, manifestLists = 0 } = done;
  return {
    snapshotsExpired: done.snapshots,
    dataFilesDeleted: dataFiles,
    manifestListsDeleted: manifestLists,
    manifestsDeleted: done.files - dataFiles - manifestLists,
  };
}

async function removeOrphans(
  deps: PerformDeps,
  context: RequestContext,
  table: TableName,
  configuration: OptimizerConfiguration,
) {
  const { olderThanDays, location } = configuration.orphans ?? {};
  const done = await deps.catalog.removeOrphanFiles(context, table, {
    ...(olderThanDays === undefined ? {} : { olderThanMs: olderThanDays * DAY_MS }),
    ...(location === undefined ? {} : { under: location }),
  });
  return { orphansDeleted: done.files.length, orphanBytes: done.bytes };
}
