import type { Snapshot } from './contract-types.ts';
import { CONTENT_EQUALITY_DELETES, CONTENT_POSITION_DELETES, type FileRecord } from './manifest.ts';
import { type PartitionTuple, tupleKey } from './partition-tuple.ts';

/** Totals that a snapshot keeps: their name, and the counters that raise and lower them. */
const TOTALS = [
  ['total-data-files', 'added-data-files', 'deleted-data-files'],
  ['total-delete-files', 'added-delete-files', 'removed-delete-files'],
  ['total-records', 'added-records', 'deleted-records'],
  ['total-files-size', 'added-files-size', 'removed-files-size'],
  ['total-position-deletes', 'added-position-deletes', 'removed-position-deletes'],
  ['total-equality-deletes', 'added-equality-deletes', 'removed-equality-deletes'],
] as const;

/** Counts what a commit adds and removes. **Source**: Iceberg specification, Appendix F, "Snapshot Summary". */
export class SnapshotSummary {
  readonly #operation: string;
  readonly #parent: Snapshot | undefined;
  readonly #counters = new Map<string, number>();
  readonly #partitions = new Set<string>();

  constructor(operation: string, parent: Snapshot | undefined) {
    this.#operation = operation;
    this.#parent = parent;
  }

  add(file: FileRecord, tuple: PartitionTuple): void {
    this.#count(file, tuple, 'added');
  }

  remove(file: FileRecord, tuple: PartitionTuple): void {
    this.#count(file, tuple, 'removed');
  }

  #count(file: FileRecord, tuple: PartitionTuple, way: 'added' | 'removed'): void {
    const gone = way === 'added' ? 'added' : 'deleted';
    if (file.content === CONTENT_POSITION_DELETES || file.content === CONTENT_EQUALITY_DELETES) {
      this.#raise(`${way}-delete-files`, 1);
      const kind = file.content === CONTENT_POSITION_DELETES ? 'position' : 'equality';
      this.#raise(`${way}-${kind}-deletes`, file.record_count);
    } else {
      this.#raise(`${gone}-data-files`, 1);
      this.#raise(`${gone}-records`, file.record_count);
    }
    this.#raise(`${way}-files-size`, file.file_size_in_bytes);
    this.#partitions.add(`${tuple.specId}|${tupleKey(tuple, file)}`);
  }

  #raise(counter: string, by: number): void {
    this.#counters.set(counter, (this.#counters.get(counter) ?? 0) + by);
  }

  /** The summary; `extra` are the caller's own entries and never replace ours. */
  result(extra: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
    const summary: Record<string, string> = { ...extra, operation: this.#operation };
    for (const [name, value] of this.#counters) summary[name] = String(value);
    summary['changed-partition-count'] = String(this.#partitions.size);
    for (const [total, up, down] of TOTALS) {
      // A parent that lacks a total makes it unknown from here on: better none than a wrong one.
      const before = this.#parent === undefined ? '0' : this.#parent.summary[total];
      if (before === undefined || !/^\d+$/.test(before)) continue;
      summary[total] = String(Number(before) + (this.#counters.get(up) ?? 0) - (this.#counters.get(down) ?? 0));
    }
    return summary;
  }
}
