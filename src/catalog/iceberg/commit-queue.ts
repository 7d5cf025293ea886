/**
 * One commit at a time for each table of this process. Writers of one table would otherwise race for the pointer and all
 * but one stage their manifests in vain.
 */
export class CommitQueue {
  readonly #tails = new Map<string, Promise<void>>();

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
