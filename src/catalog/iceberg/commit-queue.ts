/**
 * One commit at a time for each table of this process, of all changes that wait for it. Writers of one table would
 * otherwise race for the pointer and all but one stage their manifests in vain.
 */
import { LochError } from '../../core/errors.ts';
import type { CommitOutcome } from '../contract.ts';

/** Changes of one table that may wait at once. Beyond it a caller is better served by an early no. */
const WAITING_OF_ONE = 512;
/** Changes in one metadata file: more would make the last of them wait for the manifests of all. */
const GROUP = 64;

/** A change that waits, and its answer: each gets exactly one. */
export interface Member<C> {
  readonly change: C;
  readonly resolve: (outcome: CommitOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Takes turns for each table: alone (`run`), over several (`runAll`), or together with those that wait too (`join`). */
export class CommitQueue<C> {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Member<C>[]>();

  /**
   * Waits for the turn of `key` and goes in one group with all that wait then. `commit` answers every member.
   * **Errors**: `throttled` when too many wait.
   */
  join(key: string, change: C, commit: (members: readonly Member<C>[]) => Promise<void>): Promise<CommitOutcome> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(key) ?? [];
      if (waiting.length >= WAITING_OF_ONE) {
        reject(
          new LochError(
            'throttled',
            `${WAITING_OF_ONE} commits to \`${key}\` wait already. Send it again in a second, or put more rows in a commit.`,
            { context: { table: key, limit: WAITING_OF_ONE } },
          ),
        );
        return;
      }
      waiting.push({ change, resolve, reject });
      this.#waiting.set(key, waiting);
      if (waiting.length === 1) this.#schedule(key, commit);
    });
  }

  #schedule(key: string, commit: (members: readonly Member<C>[]) => Promise<void>): void {
    void this.run(key, async () => {
      const waiting = this.#waiting.get(key) ?? [];
      const group = waiting.splice(0, GROUP);
      if (waiting.length === 0) this.#waiting.delete(key);
      else this.#schedule(key, commit);
      try {
        await commit(group);
      } catch (error) {
        for (const member of group) member.reject(error);
      }
    });
  }

  /** As `run`, holding several keys: taken in one order by all, so that nobody waits in a circle. */
  async runAll<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const [first, ...rest] = [...new Set(keys)].sort();
    if (first === undefined) return work();
    return this.run(first, () => this.runAll(rest, work));
  }

  /** Runs `work` after all earlier work of the same `key`, whatever became of that. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(work);
    const tail = result.then(
      () => {},
      () => {},
    );
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
