import type { AbortReason, CrawlerParts } from './crawler-parts.ts';
import { runCrawl } from './run-crawl.ts';

/** Runs crawls in this process, a few at a time, in the order they were started. */
export class CrawlQueue {
  readonly #parts: CrawlerParts;
  readonly #atOnce: number;
  readonly #waiting: string[] = [];
  readonly #stops = new Map<string, AbortController>();
  readonly #busy = new Set<Promise<void>>();
  #closed = false;

  constructor(parts: CrawlerParts, atOnce: number) {
    this.#parts = parts;
    this.#atOnce = atOnce;
  }

  add(runId: string): void {
    if (this.#closed || this.#stops.has(runId)) return;
    this.#stops.set(runId, new AbortController());
    this.#waiting.push(runId);
    this.#next();
  }

  /** Ends a run at its next step. */
  stop(runId: string): void {
    this.#stops.get(runId)?.abort('stopped' satisfies AbortReason);
  }

  /** Leaves every run where it is, for the next start, and waits for the step under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
    for (const stop of this.#stops.values()) stop.abort('closing' satisfies AbortReason);
    await Promise.all(this.#busy);
  }

  #next(): void {
    while (this.#busy.size < this.#atOnce && this.#waiting.length > 0) {
      const runId = this.#waiting.shift()!;
      const work = runCrawl(this.#parts, runId, this.#stops.get(runId)!.signal)
        .catch(() => {}) // the store is gone; the run is taken up at the next start
        .finally(() => {
          this.#stops.delete(runId);
          this.#busy.delete(work);
          this.#next();
        });
      this.#busy.add(work);
    }
  }
}
