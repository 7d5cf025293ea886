import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog, CatalogColumn, LineageEnd, LineageRecorder } from '../../catalog/contract.ts';
import { newId } from '../../core/ids.ts';
import type { EngineFile } from '../../engines/contract.ts';
import type { Policy } from '../../governance/contract.ts';
import type { StatementRunner } from '../../processing/contract.ts';
import type { ObjectAccess, ObjectStore, TableFormat } from '../../storage/contract.ts';
import type { SourceConnector } from '../connectors/source.ts';
import type { Loader } from '../contract.ts';
import { writeObjects } from './load-objects.ts';
import { writePostgres } from './load-postgres.ts';
import { commitFiles, findTarget, type Target } from './target-table.ts';

export interface LoaderDeps {
  readonly objects: ObjectStore;
  /** Reads source files in the caller's name. */
  readonly access: ObjectAccess;
  readonly policy: Policy;
  readonly catalog: Catalog;
  readonly tables: TableFormat;
  readonly runner: StatementRunner;
  readonly connector: SourceConnector;
  readonly workDirectory: string;
  /** Told of what a load made from what, after its commit. */
  readonly lineage?: LineageRecorder;
}

/** One load at work. */
export interface LoadWork {
  readonly target: Target;
  /** Its own folder, removed at the end. On the volume of the object store data files are taken over by rename. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: Parameters<Loader['load']>[2];
}

/** Data files that no table names yet. */
export interface WrittenRows {
  readonly columns: readonly CatalogColumn[];
  readonly files: readonly EngineFile[];
  readonly rows: number;
}

/** Loads files and database tables into Iceberg tables: find the target → write data files → one commit. */
export function createLoader(deps: LoaderDeps): Loader {
  return {
    async load(context, request, progress, signal) {
      const loadId = newId();
      const name = {
        database: request.target.database.toLowerCase(),
        table: request.target.table.toLowerCase(),
      };
      const target = await findTarget(deps, context, name, request.mode);
      const folder = join(deps.workDirectory, 'loads', loadId);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        const work: LoadWork = { target, folder, signal, progress };
        const { source, format } = request;
        const written =
          source.kind === 'postgres'
            ? await writePostgres(deps, context, work, source)
            : await writeObjects(deps, context, work, {
                names: source.keys.map((key) => ({ bucket: source.bucket, key })),
                ...(format === undefined ? {} : { format }),
              });
        signal.throwIfAborted();
        progress({ phase: 'committing', rows: written.rows, bytes: 0 });
        const { snapshotId, bytes } = await commitFiles(deps, context, target, { ...written, loadId });
        const inputs = endsOf(deps.connector, source);
        await deps.lineage?.record({
          job: 'load',
          runId: loadId,
          inputs,
          outputs: [{ kind: 'table', ...name }],
          columns: written.columns.map((column) => ({
            output: column.name,
            inputs: inputs.map((end) => ({ end, column: column.name })),
          })),
        });
        return {
          rows: written.rows,
          files: written.files.length,
          bytes,
          snapshotId,
          columns: written.columns.map((column) => ({ name: column.name, type: column.type })),
        };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Where a load's rows came from: the folders of its files, or the tables of its database, by address without secrets. */
function endsOf(connector: SourceConnector, source: Parameters<Loader['load']>[1]['source']): LineageEnd[] {
  if (source.kind === 'postgres') {
    return [{ kind: 'dataset', namespace: connector.shownUrl(source.url), name: source.table }];
  }
  const folders = new Set(source.keys.map((key) => key.slice(0, key.lastIndexOf('/') + 1)));
  return [...folders].map((prefix) => ({ kind: 'objects', bucket: source.bucket, prefix }));
}
