/**
 * Which delete files apply to which data files.
 * **Source**: Iceberg specification, "Scan Planning" (rules for position and equality deletes).
 */
import { LochError } from '../../core/errors.ts';
import type { ScanFile } from './contract-types.ts';
import { CONTENT_POSITION_DELETES, type FileRecord } from './manifest.ts';
import { type PartitionTuple, tupleKey } from './partition-tuple.ts';

/** The reserved field of position-delete files that holds the data file's path. */
const FILE_PATH_FIELD = 2_147_483_546;

interface DeleteFile {
  readonly path: string;
  readonly kind: 'position' | 'equality';
  readonly fieldIds: readonly number[];
  readonly sequence: number;
  readonly low: Uint8Array | undefined;
  readonly high: Uint8Array | undefined;
  readonly record: FileRecord;
  readonly tuple: PartitionTuple;
}

export class DeleteIndex {
  readonly #global: DeleteFile[] = [];
  readonly #byPartition = new Map<string, DeleteFile[]>();
  readonly #byPath = new Map<string, DeleteFile[]>();

  /** **Errors**: `unsupported` for deletion vectors (version 3). */
  add(file: FileRecord, tuple: PartitionTuple, sequence: number): void {
    if (file.file_format.toUpperCase() !== 'PARQUET') {
      const what =
        file.file_format.toUpperCase() === 'PUFFIN' ? 'deletion vectors' : `${file.file_format} delete files`;
      throw new LochError('unsupported', `The table uses ${what} (\`${file.file_path}\`), which are not supported.`, {
        context: { file: file.file_path, feature: what },
      });
    }
    const position = file.content === CONTENT_POSITION_DELETES;
    const entry: DeleteFile = {
      path: file.file_path,
      kind: position ? 'position' : 'equality',
      fieldIds: position ? [] : (file.equality_ids ?? []),
      sequence,
      low: position ? file.lower_bounds?.find((pair) => pair.key === FILE_PATH_FIELD)?.value : undefined,
      high: position ? file.upper_bounds?.find((pair) => pair.key === FILE_PATH_FIELD)?.value : undefined,
      record: file,
      tuple,
    };
    if (position && file.referenced_data_file) push(this.#byPath, file.referenced_data_file, entry);
    else if (!position && tuple.fields.length === 0) this.#global.push(entry);
    else push(this.#byPartition, partitionKey(tuple, file), entry);
  }

  /** The delete files that apply to a data file. */
  of(file: FileRecord, tuple: PartitionTuple, sequence: number): ScanFile['deletes'] {
    return this.#applying(file, tuple, sequence).map(({ path, kind, fieldIds }) => ({ path, kind, fieldIds }));
  }

  /** The same with their manifest records and partitions. */
  records(
    file: FileRecord,
    tuple: PartitionTuple,
    sequence: number,
  ): readonly { readonly record: FileRecord; readonly tuple: PartitionTuple }[] {
    return this.#applying(file, tuple, sequence);
  }

  #applying(file: FileRecord, tuple: PartitionTuple, sequence: number): readonly DeleteFile[] {
    const candidates = [
      ...this.#global,
      ...(this.#byPartition.get(partitionKey(tuple, file)) ?? []),
      ...(this.#byPath.get(file.file_path) ?? []),
    ];
    return candidates.filter((entry) => applies(entry, file.file_path, sequence));
  }
}

function applies(entry: DeleteFile, path: string, sequence: number): boolean {
  if (entry.kind === 'equality') return entry.sequence > sequence;
  if (entry.sequence < sequence) return false;
  const bytes = Buffer.from(path, 'utf8');
  if (entry.low !== undefined && Buffer.compare(entry.low, bytes) > 0) return false;
  return entry.high === undefined || Buffer.compare(entry.high, bytes) >= 0;
}

function partitionKey(tuple: PartitionTuple, file: FileRecord): string {
  return `${tuple.specId}|${tupleKey(tuple, file)}`;
}

function push(map: Map<string, DeleteFile[]>, key: string, entry: DeleteFile): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [entry]);
  else list.push(entry);
}
