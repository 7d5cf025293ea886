/**
 * Sends what lineage was recorded to an OpenLineage server: the durable consumer `lineage-sink` of the outbox. An event is
 * passed when the server took it; while it does not answer, events wait and are tried again.
 */
import { LochError } from '../../core/errors.ts';
import type { Secret } from '../../core/secret.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { LineageFlow } from './contract.ts';
import { eventOfFlow } from './open-lineage.ts';

const CONSUMER = 'lineage-sink';
const BATCH = 200;
const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

export interface SinkOptions {
  readonly store: MetadataStore;
  readonly url: string;
  /** Sent as a bearer token when it is there and not empty. */
  readonly token?: Secret;
  readonly place: { readonly region: string; readonly accountId: string };
  readonly onFailure: (error: unknown) => void;
}

/** Follows the outbox until it is closed. */
export function openLineageSink(options: SinkOptions): { close(): Promise<void> } {
  const { store, url, place } = options;
  const stop = new AbortController();
  let wake: (() => void) | undefined;
  const unsubscribe = store.onCommitted((events) => {
    if (events.some((event) => event.name === 'catalogLineageRecorded')) wake?.();
  });
  const pause = (ms: number | undefined) =>
    new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      timer?.unref();
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      stop.signal.addEventListener('abort', () => wake?.(), { once: true });
    });

  async function send(flow: LineageFlow, at: number): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(options.token === undefined || options.token.reveal() === ''
          ? {}
          : { authorization: `Bearer ${options.token.reveal()}` }),
      },
      body: JSON.stringify(eventOfFlow(flow, at, place)),
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    // What the server calls wrong stays wrong: it is told and passed, so that it holds nothing up.
    if (response.status >= 400 && response.status < 500 && response.status !== 429) {
      options.onFailure(new LochError('source_failed', `The lineage server refused an event with ${response.status}.`));
    } else if (!response.ok) {
      throw new LochError('source_failed', `The lineage server answered ${response.status}. The event is sent again.`);
    }
  }

  async function follow(): Promise<void> {
    let position = await store.consumerPosition(CONSUMER);
    let wait = FIRST_PAUSE_MS;
    while (!stop.signal.aborted) {
      try {
        const events = await store.readOutbox(position, BATCH);
        for (const event of events) {
          if (event.name === 'catalogLineageRecorded') {
            await send(JSON.parse(event.payload.flow) as LineageFlow, event.at);
            await store.transact([store.advanceConsumer(CONSUMER, event.sequence)]);
          }
          position = event.sequence;
        }
        wait = FIRST_PAUSE_MS;
        if (events.length === 0) await pause(undefined);
      } catch (error) {
        if (stop.signal.aborted) return;
        options.onFailure(error);
        await pause(wait);
        wait = Math.min(LONGEST_PAUSE_MS, wait * 2);
      }
    }
  }

  const work = follow().catch((error: unknown) => {
    if (!stop.signal.aborted) options.onFailure(error);
  });
  return {
    async close() {
      stop.abort();
      unsubscribe();
      await work;
    },
  };
}
