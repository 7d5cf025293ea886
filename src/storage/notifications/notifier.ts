/**
 * Tells the targets of buckets what changed: the durable consumer `bucket-notifications` of the outbox, and the sender of
 * what it queued.
 *
 * Invariants
 * - The consumer moves past an event in the transaction that queues its messages. Events that nobody asked for are passed
 *   in memory and noted now and then: reading them again does no harm.
 * - A stream is given its messages in the order of their events, one batch after the other: what it has refused holds up
 *   what comes after.
 * - Each message is tried until its target takes it, at growing distances, for a day; then it is a dead letter.
 */
import type { Clock } from '../../core/clock.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import type { StoredEvent } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import { type BackgroundDeps, backgroundContext } from '../background-context.ts';
import type { BucketSettings } from '../contract.ts';
import type { BridgeEvent } from './bridge-event.ts';
import { bridgeEvent } from './bridge-event.ts';
import type { NotificationConfiguration } from './configuration.ts';
import { eventMessage, testMessage } from './event-message.ts';
import { eventNameOf } from './event-names.ts';
import { matchTargets } from './match-targets.ts';
import { isStreamArn, type StreamTargets } from './stream-target.ts';
import notificationStore, { type NewMessage, type WaitingMessage } from './store.ts';
import { sendWebhook, webhookOf } from './webhook-target.ts';

const { procedures } = notificationStore;
const CONSUMER = 'bucket-notifications';
const BATCH = 1000;
const GATHER_MS = 10;
/** Passed events after which the position is written all the same. */
const NOTE_EVERY = 1000;
const AT_ONCE = 8;
/** One append to a stream. **Source**: Firehose, "Quotas": 500 records, 4 MiB. */
const APPENDED_TOGETHER = 500;
const APPENDED_BYTES = 4 << 20;
const SENT_TOGETHER = 200;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 3_600_000;
const GIVE_UP_MS = 86_400_000;
const LOOK_EVERY_MS = 1000;

export interface NotifierDeps extends BackgroundDeps {
  readonly store: MetadataStore;
  readonly settings: BucketSettings;
  readonly clock: Clock;
  readonly region: string;
  readonly accountId: string;
  /** Streams of the lake; without them they are no targets. */
  readonly streams?: StreamTargets;
  /** Hosts that may be called; `*.example.org` for all below. */
  readonly hosts: readonly string[];
  readonly onFailure: (error: unknown) => void;
}

export interface Notifier extends Lifecycle {
  /** Reads on from where the consumer stands, then follows new events. */
  start(): Promise<void>;
  deadLetters(): Promise<readonly WaitingMessage[]>;
  /** The event in EventBridge's form, where the bucket's EventBridge is on. */
  bridged(event: StoredEvent): Promise<BridgeEvent | undefined>;
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
  let appending: Promise<void> = Promise.resolve();
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
      return { ...addressed(configuration, arn), bucket, configurationId: id, message: eventMessage(event, facts)! };
    });
  };

  /** Every target hears of a configuration when it is set. */
  const testMessagesOf = async (
    event: Extract<StoredEvent, { name: 'storageBucketSettingChanged' }>,
  ): Promise<NewMessage[]> => {
    const { bucket, kind, change } = event.payload;
    if (kind !== 'notification' || change !== 'put') return [];
    const configuration = await settings.get(bucket, 'notification');
    if (configuration === undefined) return [];
    return configuration.targets.map(({ id, arn }) => ({
      ...addressed(configuration, arn),
      bucket,
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
      await refused(message, error);
      return undefined;
    }
  };

  const refused = async (message: WaitingMessage, error: unknown): Promise<void> => {
    if (stop.signal.aborted) return;
    const now = clock.now();
    const dead = isLochError(error, 'invalid_argument') || now - message.createdAt > GIVE_UP_MS;
    const pause = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** message.attempts);
    const failure = toLochError(error).message;
    await store.write(procedures.failed, { id: message.id, until: now + pause, failure, dead });
    if (dead) deps.onFailure(error);
  };

  /** Appends what waits for a stream; ends when nothing does, or with what the stream refused. */
  const appendTo = async (target: string): Promise<void> => {
    while (!stop.signal.aborted) {
      const waiting = await store.read(procedures.waitingFor, { target, limit: APPENDED_TOGETHER });
      const batch = together(waiting);
      if (batch.length === 0) return;
      try {
        if (deps.streams === undefined) throw new LochError('unsupported', 'There are no delivery streams here.');
        const context = await backgroundContext(deps, batch[0]!.principal!, 'bucket-notifications', stop.signal);
        const records = batch.map(({ message }) => Buffer.from(message));
        await deps.streams.append(context, target, records);
        await store.write(procedures.delivered, { ids: batch.map(({ id }) => id) });
      } catch (error) {
        await refused(batch[0]!, error);
        return;
      }
    }
  };

  const appendDue = async (): Promise<void> => {
    const targets = await store.read(procedures.orderedTargets, { now: clock.now() });
    for (let i = 0; i < targets.length; i += AT_ONCE) await Promise.all(targets.slice(i, i + AT_ONCE).map(appendTo));
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
    if (stop.signal.aborted) return;
    sending = sending.then(send).catch(failed);
    appending = appending.then(appendDue).catch(failed);
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
    async bridged(event) {
      const { bucket } = event.payload as { bucket?: string };
      if (bucket === undefined || (await settings.get(bucket, 'notification'))?.eventBridge !== true) return undefined;
      return bridgeEvent(event, deps);
    },
    async close() {
      stop.abort();
      unsubscribe();
      clearTimeout(gather);
      clearInterval(retry);
      await reading;
      await sending;
      await appending;
      if (position > noted) {
        await store.transact([store.advanceConsumer(CONSUMER, position)]).catch(deps.onFailure);
      }
    },
  };
}

/** Where a message goes, and in whose name when that is a stream. */
function addressed(
  { setBy }: NotificationConfiguration,
  arn: string,
): { readonly target: string; readonly principal?: string } {
  return { target: arn, ...(isStreamArn(arn) ? { principal: setBy ?? '' } : {}) };
}

/** The first of them that go into one append. */
function together(waiting: readonly WaitingMessage[]): readonly WaitingMessage[] {
  let bytes = 0;
  const end = waiting.findIndex(({ message }, i) => {
    bytes += Buffer.byteLength(message);
    return i > 0 && (bytes > APPENDED_BYTES || waiting[i]!.principal !== waiting[0]!.principal);
  });
  return end === -1 ? waiting : waiting.slice(0, end);
}
