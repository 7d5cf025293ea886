/**
 * Notes for crawlers by events in which folders objects arrived or went: the durable consumer `crawler-events` of the
 * outbox, which moves past an event in the transaction that notes it.
 */
import type { StoredEvent } from '../../core/events.ts';
import { storeCall } from '../../metadata/contract.ts';
import { exclusionTest } from '../databases/exclusions.ts';
import { type CrawlerParts, placeOf } from './crawler-parts.ts';
import { folderOfKey } from './folder.ts';
import crawlerStore from './store.ts';

const CONSUMER = 'crawler-events';
const BATCH = 1_000;
/** Events that concern no crawler after which the position is written all the same. */
const NOTE_EVERY = 1_000;
const GATHER_MS = 100;

/** A folder of a crawler, and when something changed in it. */
interface Arrival {
  readonly crawler: string;
  readonly folder: string;
  readonly at: number;
}

export class CrawlEvents {
  readonly #parts: CrawlerParts;
  readonly #arrived: () => void;
  readonly #onFailure: (error: unknown) => void;
  #position = 0;
  #noted = 0;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #unsubscribe = () => {};

  constructor(
    parts: CrawlerParts,
    options: { readonly arrived: () => void; readonly onFailure: (error: unknown) => void },
  ) {
    this.#parts = parts;
    this.#arrived = options.arrived;
    this.#onFailure = options.onFailure;
  }

  /** Reads on from where the consumer stands, then follows new events. */
  async start(): Promise<void> {
    this.#position = await this.#parts.store.consumerPosition(CONSUMER);
    this.#noted = this.#position;
    this.#unsubscribe = this.#parts.store.onCommitted((events) => {
      if (events.some((event) => event.name.startsWith('storageObject'))) this.#soon();
    });
    this.#soon();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    clearTimeout(this.#timer);
    await this.#work;
  }

  #soon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#work = this.#work.then(() => this.#consume()).catch(this.#onFailure);
    }, GATHER_MS);
    this.#timer.unref();
  }

  async #consume(): Promise<void> {
    const { store } = this.#parts;
    for (;;) {
      const events = await store.readOutbox(this.#position, BATCH);
      if (events.length === 0) return;
      const last = events.at(-1)!.sequence;
      const arrivals = await this.#arrivalsOf(events);
      if (arrivals.length > 0 || last - this.#noted >= NOTE_EVERY) {
        await store.transact([
          storeCall(crawlerStore.procedures.noteArrivals, { arrivals }),
          store.advanceConsumer(CONSUMER, last),
        ]);
        this.#noted = last;
      }
      this.#position = last;
      if (arrivals.length > 0) this.#arrived();
      if (events.length < BATCH) return;
    }
  }

  async #arrivalsOf(events: readonly StoredEvent[]): Promise<Arrival[]> {
    const objects = events.flatMap((event) =>
      event.name === 'storageObjectCreated' || event.name === 'storageObjectDeleted'
        ? [{ ...event.payload, at: event.at }]
        : [],
    );
    if (objects.length === 0) return [];
    const crawlers = await this.#parts.store.read(crawlerStore.procedures.crawlers, {});
    const watching = crawlers
      .filter((crawler) => crawler.recrawl === 'CRAWL_EVENT_MODE')
      .flatMap((crawler) =>
        crawler.targets.map((target) => ({
          crawler: crawler.name,
          place: placeOf(target),
          excluded: exclusionTest(target.exclusions),
        })),
      );
    const found = new Map<string, Arrival>();
    for (const { bucket, key, at } of objects) {
      for (const { crawler, place, excluded } of watching) {
        if (bucket !== place.bucket || !key.startsWith(place.root)) continue;
        const relative = key.slice(place.root.length);
        if (excluded(relative) || relative.split('/').some((segment) => /^[_.]/.test(segment))) continue;
        const folder = `s3://${bucket}/${folderOfKey(key)}`;
        found.set(`${crawler}\u0000${folder}`, { crawler, folder, at });
      }
    }
    return [...found.values()];
  }
}
