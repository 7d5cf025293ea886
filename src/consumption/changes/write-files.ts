/** Files that a statement writes for a table: handed over to the store under the statement's name, seen by nobody before a commit. */
import { LochError } from '../../core/errors.ts';
import type { EngineFile } from '../../engines/contract.ts';
import { type DataFile, type IcebergSchema, parseS3Uri, type TableMetadata } from '../../storage/contract.ts';
import { schemaOf } from '../queries/secure/iceberg-source.ts';
import type { ChangeDeps, ChangeRun } from './deps.ts';

/** Where files of a statement lie: a sweep after a crash finds them by this prefix. */
export const filePrefix = (location: string, queryId: string): string =>
  `${location.replace(/\/+$/, '')}/data/${queryId}-`;

/** Adopts a local file as `s3://` object of the table. Ends with it durable. */
export async function adoptFile(deps: ChangeDeps, run: ChangeRun, path: string, location: string): Promise<void> {
  run.signal.throwIfAborted();
  const { bucket, key } = parseS3Uri(location);
  run.written.push(location);
  await deps.objects.put(bucket, key, { adoptFile: path }, { operation: 'TableWrite' });
}

/** Files the engine wrote by the table's layout, as data files. **Errors**: `type_mismatch` for NULL in a required column. */
export async function adoptDataFiles(
  deps: ChangeDeps,
  run: ChangeRun,
  metadata: TableMetadata,
  files: readonly EngineFile[],
): Promise<DataFile[]> {
  assertRequired(schemaOf(metadata, undefined), files);
  const adopted: DataFile[] = [];
  for (const file of files) {
    const location = `${filePrefix(metadata.location, run.queryId)}${run.written.length}.parquet`;
    await adoptFile(deps, run, file.path, location);
    adopted.push(deps.tables.dataFile(metadata, file, location));
  }
  return adopted;
}

function assertRequired(schema: IcebergSchema, files: readonly EngineFile[]): void {
  for (const field of schema.fields) {
    if (!field.required || files.every((file) => (file.columns[field.name]?.nullCount ?? 0) === 0)) continue;
    throw new LochError(
      'invalid_argument',
      `NULL value not allowed for NOT NULL column: ${field.name}. Nothing was written.`,
      { context: { column: field.name, errorName: 'CONSTRAINT_VIOLATION' } },
    );
  }
}

/** Removes what a statement wrote and no commit names. Never rejects: what stays is an orphan for VACUUM. */
export async function removeWritten(deps: ChangeDeps, run: ChangeRun): Promise<void> {
  const gone = run.written.splice(0);
  if (gone.length > 0) await deps.tables.removeFiles(gone);
}
