/**
 * Which delete files apply to which data files.
 *
 * Invariants
 * - A deletion vector stands for all deleted positions of its data file: files of positions are passed over then.
 *
 * **Source**: Iceberg specification, "Scan Planning" (rules for position and equality deletes, and deletion vectors).
 */
import { LochError } from '../../core/errors.ts';
import type { DeletionVector, ScanFile } from './contract-types.ts';
import { vectorOf } from './deletion-vector.ts';
import { CONTENT_POSITION_DELETES, type FileRecord, isVector } from './manifest.ts';
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
  readonly #vectors = new Map<string, DeleteFile>();

  /** **Errors**: `unsupported` for delete files of other formats; `data_corrupt` for two vectors of one data file. */
  add(file: FileRecord, tuple: PartitionTuple, sequence: number): void {
    if (isVector(file)) {
      this.#addVector(file, tuple, sequence);
      return;
    }
    if (file.file_format.toUpperCase() !== 'PARQUET') {
      const what = `${file.file_format} delete files`;
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

  #addVector(file: FileRecord, tuple: PartitionTuple, sequence: number): void {
    const { dataFile } = vectorOf(file);
    if (this.#vectors.has(dataFile)) {
      throw new LochError(
        'data_corrupt',
        `The data file \`${dataFile}\` has two deletion vectors, one of them in \`${file.file_path}\`. Roll back to an earlier snapshot.`,
        { context: { file: file.file_path, dataFile } },
      );
    }
    const none = { low: undefined, high: undefined, fieldIds: [] };
    this.#vectors.set(dataFile, { ...none, path: file.file_path, kind: 'position', sequence, record: file, tuple });
  }

  /** Where the deleted rows of a data file stand, when a deletion vector tells them. */
  vector(file: FileRecord, sequence: number): DeletionVector | undefined {
    const found = this.#vectorFor(file, sequence);
    return found === undefined ? undefined : vectorOf(found.record).vector;
  }

  #vectorFor(file: FileRecord, sequence: number): DeleteFile | undefined {
    const found = this.#vectors.get(file.file_path);
    return found !== undefined && found.sequence >= sequence ? found : undefined;
  }

  /** The delete files that apply to a data file, beside its `vector`. */
  of(file: FileRecord, tuple: PartitionTuple, sequence: number): ScanFile['deletes'] {
    const vector = this.#vectorFor(file, sequence);
    return this.#applying(file, tuple, sequence, vector).map(({ path, kind, fieldIds }) => ({ path, kind, fieldIds }));
  }

  /** The same and the vector, with their manifest records and partitions. */
  records(
    file: FileRecord,
    tuple: PartitionTuple,
    sequence: number,
  ): readonly { readonly record: FileRecord; readonly tuple: PartitionTuple }[] {
    const vector = this.#vectorFor(file, sequence);
    const others = this.#applying(file, tuple, sequence, vector);
    return vector === undefined ? others : [vector, ...others];
  }

  #applying(
    file: FileRecord,
    tuple: PartitionTuple,
    sequence: number,
    vector: DeleteFile | undefined,
  ): readonly DeleteFile[] {
    const candidates = [
      ...this.#global,
      ...(this.#byPartition.get(partitionKey(tuple, file)) ?? []),
      ...(this.#byPath.get(file.file_path) ?? []),
    ];
    return candidates.filter(
      (entry) => (vector === undefined || entry.kind === 'equality') && applies(entry, file.file_path, sequence),
    );
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
