import { createHash } from 'node:crypto';
import type { LineageFlow } from '../../catalog/contract.ts';

const MOST = 10_000;
const AGAIN_AFTER_MS = 3_600_000;

/**
 * Remembers which flows were told of late, so that a statement which is repeated all day is told once an hour. What a
 * restart forgets is told once more, and is the same edge.
 */
export class RepeatedReads {
  readonly #told = new Map<string, number>();

  /** True when these flows need not be told again at `now`. */
  isRepeat(flows: readonly LineageFlow[], now: number): boolean {
    const key = createHash('sha256')
      .update(JSON.stringify(flows.map(({ runId: _, ...flow }) => flow)))
      .digest('base64');
    const before = this.#told.get(key);
    if (before !== undefined && now - before < AGAIN_AFTER_MS) return true;
    this.#told.delete(key);
    this.#told.set(key, now);
    if (this.#told.size > MOST) this.#told.delete(this.#told.keys().next().value!);
    return false;
  }
}
