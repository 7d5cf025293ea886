import type { ResultColumn } from '../contract.ts';
import type { ResultFile } from './records.ts';

/** What a statement that succeeded leaves. **Units**: milliseconds, bytes. */
export interface Outcome {
  readonly columns: readonly ResultColumn[];
  readonly result: ResultFile;
  readonly rowCount: number;
  readonly queueMs: number;
  readonly planMs: number;
  readonly runMs: number;
  readonly bytesScanned: number;
  /** JSON of the lineage flows that are to be told of. */
  readonly flows: string | null;
}
