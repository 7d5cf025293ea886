/** Actions of a Delta log, from commits and checkpoints. **Source**: Delta protocol, "Actions", "Checkpoints". */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { LochError } from '../../../core/errors.ts';
import type { FolderEntry, TableFolder } from '../table-folder.ts';
import type { DeletionVector } from './deletion-vectors.ts';
import type { Checkpoint } from './log-files.ts';

const LARGEST_COMMIT = 256 * 1024 * 1024;
const LARGEST_PAGE = 256 * 1024 * 1024;

export interface AddAction {
  readonly path: string;
  readonly size: number | bigint;
  readonly partitionValues?: Readonly<Record<string, string | null>>;
  readonly deletionVector?: DeletionVector | null;
}

export interface Action {
  readonly protocol?: {
    readonly minReaderVersion: number;
    readonly readerFeatures?: readonly string[] | null;
  } | null;
  readonly metaData?: {
    readonly schemaString: string;
    readonly partitionColumns?: readonly string[] | null;
    readonly configuration?: Readonly<Record<string, string>> | null;
  } | null;
  readonly add?: AddAction | null;
  readonly remove?: Pick<AddAction, 'path' | 'deletionVector'> | null;
  readonly commitInfo?: { readonly timestamp?: number; readonly inCommitTimestamp?: number } | null;
  readonly sidecar?: { readonly path: string; readonly sizeInBytes: number | bigint } | null;
}

const corrupt = (folder: TableFolder, path: string, cause: unknown) =>
  new LochError('data_corrupt', `\`${folder.address(path)}\` of a Delta log cannot be read.`, {
    context: { path },
    cause,
  });

/** The actions of a commit (or a checkpoint in JSON), in order. **Errors**: `data_corrupt`. */
export async function commitActions(folder: TableFolder, entry: FolderEntry): Promise<Action[]> {
  const text = (await folder.read(entry.path, LARGEST_COMMIT)).toString('utf8');
  try {
    return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as Action]));
  } catch (error) {
    throw corrupt(folder, entry.path, error);
  }
}

/** Codecs that the Parquet reader does not bring itself. */
const compressors = {
  GZIP: (packed: Uint8Array) => gunzipSync(packed, { maxOutputLength: LARGEST_PAGE }),
  ZSTD: (packed: Uint8Array) => zstdDecompressSync(packed, { maxOutputLength: LARGEST_PAGE }),
};

/** The actions of a Parquet file of the log, a row group at a time. */
async function* parquetActions(folder: TableFolder, path: string, size: number): AsyncGenerator<Action> {
  try {
    const file = {
      byteLength: size,
      slice: async (first: number, end = size) => Uint8Array.from(await folder.readRange(path, first, end)).buffer,
    };
    const metadata = await parquetMetadataAsync(file);
    const known = new Set(metadata.schema.map((element) => element.name));
    const columns = ['protocol', 'metaData', 'add', 'remove', 'sidecar'].filter((name) => known.has(name));
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      yield* (await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors })) as Action[];
      rowStart = rowEnd;
    }
  } catch (error) {
    throw error instanceof LochError ? error : corrupt(folder, path, error);
  }
}

/** The actions of a checkpoint, those of its sidecars included. */
export async function* checkpointActions(folder: TableFolder, checkpoint: Checkpoint): AsyncGenerator<Action> {
  for (const entry of checkpoint.files) {
    const actions = entry.path.endsWith('.json')
      ? await commitActions(folder, entry)
      : parquetActions(folder, entry.path, entry.size);
    for await (const action of actions) {
      yield action;
      if (action.sidecar === null || action.sidecar === undefined) continue;
      const named = action.sidecar.path;
      const path = folder.own(named.includes('/') ? named : `_delta_log/_sidecars/${named}`);
      yield* parquetActions(folder, path, Number(action.sidecar.sizeInBytes));
    }
  }
}
