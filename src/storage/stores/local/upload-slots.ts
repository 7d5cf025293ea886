/**
 * Where the next part of an upload may be written.
 *
 * The main file of an upload holds parts at their final offsets, as long as all but the last have one size, the `unit`:
 * the size of the first part that begins. A slot of the main file is written once: a part sent again, or of another
 * size, goes to a file of its own, because a recorded part must keep its bytes until the new one is recorded.
 */
import { LochError } from '../../../core/errors.ts';
import type { PartRow } from './rows.ts';

/** The slots of one upload, in memory; what is recorded is told to `restore`. */
export class UploadSlots {
  readonly #taken = new Set<number>();
  #unit: number | undefined;
  #writing = 0;
  #completing = false;

  restore(rows: readonly PartRow[]): void {
    for (const row of rows) {
      if (row.unit === null) continue;
      this.#unit ??= row.unit;
      this.#taken.add(row.number);
    }
  }

  /** Offset and unit in the main file for part `number` of `size` bytes, or undefined: beside it. */
  take(number: number, size: number | undefined): { readonly unit: number; readonly offset: number } | undefined {
    if (size === undefined || size === 0 || this.#completing) return undefined;
    const unit = this.#unit ?? size;
    if (size > unit || this.#taken.has(number)) return undefined;
    this.#unit = unit;
    this.#taken.add(number);
    this.#writing++;
    return { unit, offset: (number - 1) * unit };
  }

  /** A part in the main file has ended; a failed one leaves its slot to another attempt. */
  release(number: number, recorded: boolean): void {
    this.#writing--;
    if (!recorded) this.#taken.delete(number);
  }

  /** From here the main file is not written any more. Returns whether nobody is writing it. **Errors**: `conflict`. */
  beginCompletion(): { readonly quiet: boolean } {
    if (this.#completing) {
      throw new LochError('conflict', 'The upload is being completed by another request. Wait for its answer.');
    }
    this.#completing = true;
    return { quiet: this.#writing === 0 };
  }

  endCompletion(): void {
    this.#completing = false;
  }
}
