import type { StoredEvent } from '../core/events.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { MetadataStore } from '../metadata/contract.ts';

const BATCH = 200;
/** So many events of no interest may pass before the position is written. */
const NOTE_EVERY = 500;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Hands the events of the outbox on, one after the other, as a durable consumer of it until it is closed. An event is passed
 * when `send` resolved; when it throws, that is told, and after a pause (0.5 s, twice as long each time, up to a minute) the
 * event is sent again. One that was sent and whose passing a crash cut off is sent again too.
 */
export function followOutbox(options: {
  readonly store: MetadataStore;
  readonly consumer: string;
  /** Whether an event is worth looking at once; others wait for one that is. */
  readonly concerns: (event: StoredEvent) => boolean;
  /** Resolves with whether the event was any of its business. */
  readonly send: (event: StoredEvent, signal: AbortSignal) => Promise<boolean>;
  readonly onFailure: (error: unknown) => void;
}): Lifecycle {
  const { store, consumer, onFailure } = options;
  const stop = new AbortController();
  let resume = () => {};
  // Set between a look and the sleep after it as well: what is committed then must not wait for the next event.
  let news = false;
  const unsubscribe = store.onCommitted((events) => {
    if (!events.some(options.concerns)) return;
    news = true;
    resume();
  });

  /** Sleeps until there are news, or for so many milliseconds whatever comes, and not once it is closed. */
  const sleep = (ms?: number) =>
    new Promise<void>((resolve) => {
      if (stop.signal.aborted || (ms === undefined && news)) return resolve();
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      timer?.unref();
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      resume = ms === undefined ? done : () => {};
      stop.signal.onabort = done;
    });

  async function follow(): Promise<void> {
    let position = await store.consumerPosition(consumer);
    let noted = position;
    let wait = FIRST_PAUSE_MS;
    while (!stop.signal.aborted) {
      try {
        news = false;
        const events = await store.readOutbox(position, BATCH);
        for (const event of events) {
          const sent = await options.send(event, stop.signal);
          position = event.sequence;
          if (!sent && position - noted < NOTE_EVERY) continue;
          await store.transact([store.advanceConsumer(consumer, position)]);
          noted = position;
        }
        wait = FIRST_PAUSE_MS;
        if (events.length === 0) await sleep();
      } catch (error) {
        if (stop.signal.aborted) return;
        onFailure(error);
        await sleep(wait);
        wait = Math.min(LONGEST_PAUSE_MS, wait * 2);
      }
    }
  }

  const work = follow().catch((error: unknown) => {
    if (!stop.signal.aborted) onFailure(error);
  });
  return {
    async close() {
      stop.abort();
      unsubscribe();
      await work;
    },
  };
}
