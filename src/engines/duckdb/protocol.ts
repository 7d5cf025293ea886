/** Messages between the server and an engine process. Plain JSON: nothing of a statement is shared but files. */
import type { SerializedError } from '../../core/errors.ts';
import type { EngineColumn, EngineFile, EngineResultKind } from '../contract.ts';

/** One statement with everything the process needs to run it; limits and places are decided by the server. */
export interface WorkerJob {
  readonly sql: string;
  readonly inputs: readonly string[];
  readonly result: EngineResultKind;
  readonly hideValues: boolean;
  readonly settings: Readonly<Record<string, string>>;
  readonly preamble: readonly string[];
  readonly memoryLimitBytes: number;
  readonly spillLimitBytes: number;
  readonly spillDirectory: string;
  readonly threads: number;
}

export interface WorkerResult {
  readonly columns: readonly EngineColumn[];
  readonly rowCount: number;
  readonly rows: readonly (readonly (string | null)[])[];
  readonly files: readonly EngineFile[];
}

export type ToWorker =
  | { readonly kind: 'run'; readonly id: number; readonly job: WorkerJob }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'parse'; readonly id: number; readonly sql: string }
  | { readonly kind: 'deparse'; readonly id: number; readonly tree: string };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown; readonly rssBytes: number }
  | { readonly kind: 'failed'; readonly id: number; readonly error: SerializedError; readonly rssBytes: number };

/** Exit code of a process that found itself over its memory cap. */
export const OVER_MEMORY_EXIT = 86;
