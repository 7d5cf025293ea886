/**
 * Sends what lineage was recorded to an OpenLineage server: the durable consumer `lineage-sink` of the outbox. An event is
 * passed when the server took it; while it does not answer, events wait and are tried again.
 */
import { LochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Secret } from '../../core/secret.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { followOutbox } from '../outbox-follower.ts';
import type { LineageFlow } from './contract.ts';
import { eventOfFlow } from './open-lineage.ts';

const CONSUMER = 'lineage-sink';
const TIMEOUT_MS = 10_000;

export interface SinkOptions {
  readonly store: MetadataStore;
  readonly url: string;
  /** Sent as a bearer token when it is there and not empty. */
  readonly token?: Secret;
  readonly place: { readonly region: string; readonly accountId: string };
  readonly onFailure: (error: unknown) => void;
}

/** Follows the outbox until it is closed. */
export function openLineageSink(options: SinkOptions): Lifecycle {
  const { store, url, place, token, onFailure } = options;

  async function send(flow: LineageFlow, at: number, signal: AbortSignal): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined || token.reveal() === '' ? {} : { authorization: `Bearer ${token.reveal()}` }),
      },
      body: JSON.stringify(eventOfFlow(flow, at, place)),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    // What the server calls wrong stays wrong: it is told and passed, so that it holds nothing up.
    if (response.status >= 400 && response.status < 500 && response.status !== 429) {
      onFailure(new LochError('source_failed', `The lineage server refused an event with ${response.status}.`));
    } else if (!response.ok) {
      throw new LochError('source_failed', `The lineage server answered ${response.status}. The event is sent again.`);
    }
  }

  return followOutbox({
    store,
    consumer: CONSUMER,
    concerns: (event) => event.name === 'catalogLineageRecorded',
    send: async (event, signal) => {
      if (event.name !== 'catalogLineageRecorded') return false;
      await send(JSON.parse(event.payload.flow) as LineageFlow, event.at, signal);
      return true;
    },
    onFailure,
  });
}
