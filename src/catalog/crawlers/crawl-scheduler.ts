/**
 * Starts crawlers when their schedule says so, and crawlers by events after objects arrived. Times that passed while the
 * process was down are not made up for, as Glue has it; arrivals are kept, and lead to a crawl at the next start.
 */
import { isLochError } from '../../core/errors.ts';
import type { CrawlerParts } from './crawler-parts.ts';
import { nextRun } from './schedule.ts';
import crawlerStore from './store.ts';

const LONGEST_WAIT_MS = 60_000;
/** How long after the first arrival a crawl by events starts, so that a batch of objects makes one crawl. */
const GATHER_MS = 5_000;

export class CrawlScheduler {
  readonly #parts: CrawlerParts;
  readonly #start: (crawler: string) => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #looked: number;
  #closed = false;

  constructor(
    parts: CrawlerParts,
    options: { readonly start: (crawler: string) => Promise<void>; readonly onFailure: (error: unknown) => void },
  ) {
    this.#parts = parts;
    this.#start = options.start;
    this.#onFailure = options.onFailure;
    this.#looked = parts.clock.now();
  }

  /** Looks at what is due, and when the next is: after a start, after a change of a crawler, after an arrival. */
  look(): void {
    if (this.#closed) return;
    this.#work = this.#work.then(() => this.#lookNow()).catch(this.#onFailure);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#work;
  }

  async #lookNow(): Promise<void> {
    if (this.#closed) return;
    const { store, clock } = this.#parts;
    const now = clock.now();
    const from = this.#looked;
    this.#looked = now;
    let next = now + LONGEST_WAIT_MS;
    const arrivals = await store.read(crawlerStore.procedures.oldestArrivals, {});
    for (const crawler of await store.read(crawlerStore.procedures.crawlers, {})) {
      const { schedule } = crawler;
      if (schedule?.state === 'SCHEDULED') {
        const due = nextRun(schedule.expression, from);
        if (due !== undefined && due <= now) await this.#begin(crawler.name);
        const after = nextRun(schedule.expression, now);
        if (after !== undefined) next = Math.min(next, after);
      } else if (crawler.recrawl === 'CRAWL_EVENT_MODE' && arrivals[crawler.name] !== undefined) {
        const due = arrivals[crawler.name]! + GATHER_MS;
        if (due <= now) await this.#begin(crawler.name);
        else next = Math.min(next, due);
      }
    }
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.look(), Math.max(50, next - clock.now()));
    this.#timer.unref();
  }

  async #begin(crawler: string): Promise<void> {
    try {
      await this.#start(crawler);
    } catch (error) {
      // One that runs already sees what is there; one that was deleted meanwhile is not missed.
      if (!isLochError(error, 'concurrent_run', 'not_found')) throw error;
    }
  }
}
