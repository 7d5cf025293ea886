/**
 * Sends changes of the catalog to a webhook as CloudEvents, one after the other: the durable consumer `catalog-webhook` of
 * the outbox. An event is passed when the webhook took it; while it does not answer, events wait (at least a week, as long
 * as the outbox has them) and are tried again. An event that was taken and whose answer was lost is sent again.
 * **Source**: CloudEvents 1.0, structured mode over HTTP.
 */
import { LochError } from '../../core/errors.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { changeOfEvent } from './change-of-event.ts';
import type { CatalogChange } from './contract.ts';

const CONSUMER = 'catalog-webhook';
const BATCH = 500;
const NOTE_EVERY = 500;
const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

/** A change as a CloudEvent; its subject is the resource, so that a receiver can keep the order of each. */
export function cloudEventOf(change: CatalogChange): object {
  return {
    specversion: '1.0',
    id: change.id,
    source: `arn:aws:glue:${change.region}:${change.account}:catalog`,
    type: change['detail-type'].replaceAll(' ', '.').toLowerCase(),
    subject: change.resources[0],
    time: change.time,
    datacontenttype: 'application/json',
    data: change,
  };
}

/** Follows the outbox until it is closed. */
export function openChangeSink(options: {
  readonly store: MetadataStore;
  readonly url: string;
  readonly place: { readonly region: string; readonly accountId: string };
  readonly onFailure: (error: unknown) => void;
}): { close(): Promise<void> } {
  const { store, url, place, onFailure } = options;
  const stop = new AbortController();
  let wake = () => {};
  let news = false;
  const unsubscribe = store.onCommitted((events) => {
    if (!events.some((event) => event.name.startsWith('catalog'))) return;
    news = true;
    wake();
  });
  const pause = (ms: number | undefined) =>
    new Promise<void>((resolve) => {
      if (stop.signal.aborted || (ms === undefined && news)) return resolve();
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      timer?.unref();
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      if (ms === undefined) wake = done;
      stop.signal.addEventListener('abort', done, { once: true });
    });

  async function send(change: CatalogChange): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(cloudEventOf(change)),
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    // What the receiver calls wrong stays wrong: it is told and passed, so that it holds nothing up.
    const refused = response.status >= 400 && response.status < 500 && ![408, 425, 429].includes(response.status);
    if (refused) {
      onFailure(new LochError('source_failed', `The catalog's webhook refused ${change.id} with ${response.status}.`));
    } else if (!response.ok) {
      throw new LochError('source_failed', `The catalog's webhook answered ${response.status}; it is tried again.`);
    }
  }

  async function follow(): Promise<void> {
    let position = await store.consumerPosition(CONSUMER);
    let noted = position;
    let wait = FIRST_PAUSE_MS;
    while (!stop.signal.aborted) {
      try {
        news = false;
        const events = await store.readOutbox(position, BATCH);
        for (const event of events) {
          const change = changeOfEvent(event, place);
          if (change !== undefined) await send(change);
          position = event.sequence;
          if (change === undefined && position - noted < NOTE_EVERY) continue;
          await store.transact([store.advanceConsumer(CONSUMER, position)]);
          noted = position;
        }
        wait = FIRST_PAUSE_MS;
        if (events.length === 0) await pause(undefined);
      } catch (error) {
        if (stop.signal.aborted) return;
        onFailure(error);
        await pause(wait);
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
