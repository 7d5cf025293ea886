/**
 * Whether a row-level change may still be applied after the commits that came since it was computed.
 * **Source**: Iceberg specification, "Optimistic Concurrency", and the isolation levels of row-level operations.
 */
import { LochError } from '../../core/errors.ts';
import type { DeltaValidation, Snapshot, TableChange, TableMetadata } from './contract-types.ts';
import { CONTENT_DATA, ENTRY_DELETED, type FileRecord, type ManifestFile } from './manifest.ts';
import { PrunerCache } from './plan-scan.ts';
import { mapLimited, type TableFiles } from './table-files.ts';
import { ancestry, currentSchema } from './table-metadata.ts';

const PARALLEL_READS = 16;

/** **Errors**: `commit_conflict` naming what came in between. */
export async function validateDelta(
  files: TableFiles,
  base: TableMetadata,
  change: TableChange,
  existing: readonly ManifestFile[],
  parent: Snapshot | undefined,
): Promise<void> {
  if (change.kind !== 'delta' || change.validate === undefined) return;
  const { validate } = change;
  const since = snapshotsSince(base, parent, validate.basedOn);
  if (since.length === 0) return;
  const touched = new Set([...(change.remove ?? []), ...change.deletes.flatMap((file) => file.dataFile ?? [])]);
  await assertNoRivals(files, base, existing, since, validate, touched);
}

/** The commits after `basedOn` up to the parent. **Errors**: `commit_conflict` when it is no ancestor any more. */
function snapshotsSince(
  base: TableMetadata,
  parent: Snapshot | undefined,
  basedOn: string | undefined,
): readonly Snapshot[] {
  const line = ancestry(base, parent?.['snapshot-id']);
  if (basedOn === undefined) return line;
  const at = line.findIndex((snapshot) => snapshot['snapshot-id'] === basedOn);
  if (at >= 0) return line.slice(0, at);
  throw new LochError(
    'commit_conflict',
    `The table no longer descends from snapshot ${basedOn}, which the change was computed from. Read it again and repeat the change.`,
    { context: { snapshotId: basedOn } },
  );
}

async function assertNoRivals(
  files: TableFiles,
  base: TableMetadata,
  existing: readonly ManifestFile[],
  since: readonly Snapshot[],
  validate: DeltaValidation,
  touched: ReadonlySet<string>,
): Promise<void> {
  // A rewrite of the same rows (`replace`) adds none; that a file it rewrote is gone is found where files are removed.
  const adding = new Set(since.filter(({ summary }) => summary.operation !== 'replace').map(idOf));
  const any = new Set(since.map(idOf));
  const pruners = new PrunerCache(base, currentSchema(base), { predicates: validate.predicates ?? [] });
  const oldest = Math.min(...since.map((snapshot) => snapshot['sequence-number']));
  const wanted = existing.filter((manifest) => (manifest.sequence_number ?? 0) >= oldest);
  const contents = await mapLimited(wanted, PARALLEL_READS, (manifest) => files.readManifest(manifest.manifest_path));
  for (const [i, manifest] of wanted.entries()) {
    const pruner = pruners.of(manifest.partition_spec_id);
    for (const entry of contents[i]!) {
      if (entry.status === ENTRY_DELETED) continue;
      const by = String(entry.snapshot_id ?? manifest.added_snapshot_id);
      const file = entry.data_file;
      if ((file.content ?? CONTENT_DATA) === CONTENT_DATA) {
        if (validate.isolation !== 'serializable' || !adding.has(by) || !pruner.fileMayMatch(file)) continue;
        throw rival(by, `added rows the change would have read (\`${file.file_path}\`)`);
      }
      // Deleting what is deleted changes nothing; writing a changed copy of a deleted row would bring it back.
      if (validate.operation === 'delete' || !any.has(by) || !mayTouch(file, touched)) continue;
      throw rival(by, `deleted rows of files the change speaks of (\`${file.file_path}\`)`);
    }
  }
}

const idOf = (snapshot: Snapshot): string => snapshot['snapshot-id'];

/** A delete file that names its data file may touch that one; any other may touch all. */
function mayTouch(file: FileRecord, touched: ReadonlySet<string>): boolean {
  if (touched.size === 0) return false;
  return file.referenced_data_file == null || touched.has(file.referenced_data_file);
}

function rival(snapshotId: string, what: string): LochError {
  return new LochError(
    'commit_conflict',
    `Snapshot ${snapshotId} ${what}. Read the table again and repeat the change.`,
    {
      context: { snapshotId },
    },
  );
}
