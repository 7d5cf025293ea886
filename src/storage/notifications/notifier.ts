/**
 * Tells the targets of buckets what changed: the durable consumer `bucket-notifications` of the outbox, and the sender of
 * what it queued.
 *
 * Invariants
 * - The consumer moves past an event in the transaction that queues its messages. Events that nobody asked for are passed
 *   in memory and noted now and then: reading them again does no harm.
 * - Each message is tried until its target takes it, at growing distances, for a day; then it is a dead letter.
 */
import type { Clock } from '../../core/clock.ts';
import { isLochError, toLochError } from '../../core/errors.ts';
import type { StoredEvent } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import type { BucketSettings } from '../contract.ts';
import { eventMessage, testMessage } from './event-message.ts';
import { eventNameOf } from './event-names.ts';
import { matchTargets } from './match-targets.ts';
import notificationStore, { type NewMessage, type WaitingMessage } from './store.ts';
import { sendWebhook, webhookOf } from './webhook-target.ts';

const { procedures } = notificationStore;
const CONSUMER = 'bucket-notifications';
const BATCH = 1000;
const GATHER_MS = 10;
/** Passed events after which the position is written all the same. */
const NOTE_EVERY = 1000;
const AT_ONCE = 8;
const SENT_TOGETHER = 200;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 3_600_000;
const GIVE_UP_MS = 86_400_000;
const LOOK_EVERY_MS = 1000;

export interface NotifierDeps {
  readonly store: MetadataStore;
  readonly settings: BucketSettings;
  readonly clock: Clock;
  readonly region: string;
  readonly accountId: string;
  /** Hosts that may be called; `*.example.org` for all below. */
  readonly hosts: readonly string[];
  readonly onFailure: (error: unknown) => void;
}

export interface Notifier extends Lifecycle {
  /** Reads on from where the consumer stands, then follows new events. */
  start(): Promise<void>;
  deadLetters(): Promise<readonly WaitingMessage[]>;
}

/** The notifier. Nothing runs before `start`. */
export function openNotifier(deps: NotifierDeps): Notifier {
  const { store, settings, clock } = deps;
  const stop = new AbortController();
  let position = 0;
  let noted = 0;
  let gather: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let reading: Promise<void> = Promise.resolve();
  let sending: Promise<void> = Promise.resolve();
  let unsubscribe = () => {};

  const messagesOf = async (event: StoredEvent): Promise<NewMessage[]> => {
    if (event.name === 'storageBucketSettingChanged') return testMessagesOf(event);
    const name = eventNameOf(event);
    if (name === undefined) return [];
    const { bucket, key } = event.payload as { bucket: string; key: string };
    const configuration = await settings.get(bucket, 'notification');
    if (configuration === undefined) return [];
    return matchTargets(configuration, { name, key }).map(({ id, arn }) => {
      const facts = { region: deps.region, ownerId: deps.accountId, configurationId: id };
      return { bucket, target: arn, configurationId: id, message: eventMessage(event, facts)! };
    });
  };

  /** Every target hears of a configuration when it is set. */
  const testMessagesOf = async (
    event: Extract<StoredEvent, { name: 'storageBucketSettingChanged' }>,
  ): Promise<NewMessage[]> => {
    const { bucket, kind, change } = event.payload;
    if (kind !== 'notification' || change !== 'put') return [];
    const configuration = await settings.get(bucket, 'notification');
    return (configuration?.targets ?? []).map(({ id, arn }) => ({
      bucket,
      target: arn,
      configurationId: id,
      message: testMessage({ bucket, at: event.at, requestId: newId() }),
    }));
  };

  const consume = async (): Promise<void> => {
    for (;;) {
      const events = await store.readOutbox(position, BATCH);
      if (events.length === 0) return;
      const last = events.at(-1)!.sequence;
      const messages: NewMessage[] = [];
      for (const event of events) messages.push(...(await messagesOf(event)));
      if (messages.length > 0 || last - noted >= NOTE_EVERY) {
        await store.transact([
          storeCall(procedures.enqueue, { messages, at: clock.now() }),
          store.advanceConsumer(CONSUMER, last),
        ]);
        noted = last;
      }
      position = last;
      if (messages.length > 0) wake();
      if (events.length < BATCH) return;
    }
  };

  const deliver = async (message: WaitingMessage): Promise<number | undefined> => {
    try {
      await sendWebhook(webhookOf(message.target, deps.hosts), message.message, stop.signal);
      return message.id;
    } catch (error) {
      if (stop.signal.aborted) return undefined;
      const now = clock.now();
      const dead = isLochError(error, 'invalid_argument') || now - message.createdAt > GIVE_UP_MS;
      const pause = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** message.attempts);
      const failure = toLochError(error).message;
      await store.write(procedures.failed, { id: message.id, until: now + pause, failure, dead });
      if (dead) deps.onFailure(error);
      return undefined;
    }
  };

  const send = async (): Promise<void> => {
    for (;;) {
      const due = await store.read(procedures.due, { now: clock.now(), limit: SENT_TOGETHER });
      for (let i = 0; i < due.length; i += AT_ONCE) {
        if (stop.signal.aborted) return;
        const sent = await Promise.all(due.slice(i, i + AT_ONCE).map(deliver));
        const ids = sent.filter((id) => id !== undefined);
        if (ids.length > 0) await store.write(procedures.delivered, { ids });
      }
      if (due.length < SENT_TOGETHER) return;
    }
  };

  const failed = (error: unknown) => {
    if (!stop.signal.aborted) deps.onFailure(error);
  };
  const wake = () => {
    if (!stop.signal.aborted) sending = sending.then(send).catch(failed);
  };
  const look = () => {
    gather = undefined;
    if (!stop.signal.aborted) reading = reading.then(consume).catch(failed);
  };

  return {
    async start() {
      position = await store.consumerPosition(CONSUMER);
      noted = position;
      // The consumer must be known before events are trimmed.
      await store.transact([store.advanceConsumer(CONSUMER, position)]);
      unsubscribe = store.onCommitted(() => {
        if (gather === undefined && !stop.signal.aborted) gather = setTimeout(look, GATHER_MS);
      });
      retry = setInterval(wake, LOOK_EVERY_MS).unref();
      look();
      wake();
    },
    deadLetters: () => store.read(procedures.deadLetters, { limit: 1000 }),
    async close() {
      stop.abort();
      unsubscribe();
      clearTimeout(gather);
      clearInterval(retry);
      await reading;
      await sending;
      if (position > noted) {
        await store.transact([store.advanceConsumer(CONSUMER, position)]).catch(deps.onFailure);
      }
    },
  };
}
