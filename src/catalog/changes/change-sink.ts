/**
 * Sends changes of the catalog to a webhook as CloudEvents, one after the other: the durable consumer `catalog-webhook` of
 * the outbox. An event is passed when the webhook took it; while it does not answer, events wait
 * and are tried again. An event that was taken and whose answer was lost is sent again.
 * **Source**: CloudEvents 1.0, structured mode over HTTP.
 */
import { LochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { followOutbox } from '../outbox-follower.ts';
import { changeOfEvent } from './change-of-event.ts';
import type { CatalogChange } from './contract.ts';

const CONSUMER = 'catalog-webhook';
const TIMEOUT_MS = 10_000;

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
}): Lifecycle {
  const { store, url, place, onFailure } = options;

  async function send(change: CatalogChange, signal: AbortSignal): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(cloudEventOf(change)),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
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

  return followOutbox({
    store,
    consumer: CONSUMER,
    concerns: (event) => event.name.startsWith('catalog'),
    send: async (event, signal) => {
      const change = changeOfEvent(event, place);
      if (change !== undefined) await send(change, signal);
      return change !== undefined;
    },
    onFailure,
  });
}
