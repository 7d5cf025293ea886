/**
 * Replicates what the rules of buckets say: the durable consumer `bucket-replication` of the outbox, and for each
 * destination one worker that does what is queued for it.
 *
 * Invariants
 * - The consumer moves past an event in the transaction that queues its tasks. Events that no bucket with rules has are
 *   passed in memory and noted now and then.
 * - A worker does tasks of one key one after the other, in their order; a destination that does not answer is left alone
 *   for growing pauses, its tasks stay as they are, and it goes on where it was.
 * - A worker has a fixed number of tasks in memory, however many wait.
 * - A source says COMPLETED when no destination is left to do, FAILED when one of them refused it for good.
 */
import type { Clock } from '../../core/clock.ts';
import { isLochError, toLochError } from '../../core/errors.ts';
import type { StoredEvent } from '../../core/events.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import type { BucketSettings, ObjectHead, ObjectStore } from '../contract.ts';
import type { ReplicationConfiguration, ReplicationRule } from './configuration.ts';
import { replicatesMarkers } from './configuration.ts';
import { isFollowed } from './marking-store.ts';
import { matchRules } from './match-rules.ts';
import replicationStore, { type NewTask, type TaskKind, type WaitingTask } from './store.ts';

const { procedures } = replicationStore;
const CONSUMER = 'bucket-replication';
const BATCH = 1000;
const GATHER_MS = 10;
const NOTE_EVERY = 1000;
/** Tasks of one destination in memory, and keys of them done at once. */
const IN_HAND = 64;
const AT_ONCE = 8;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 60_000;
/** What fails so often for reasons of our own is given up. */
const MAX_OWN_FAILURES = 10;
/** **Source**: S3 User Guide, "Meeting compliance requirements using S3 Replication Time Control". */
export const TIME_CONTROL_MS = 15 * 60_000;

/** Carries one task out. Resolves with what the destination calls the version, if that is not our name. */
export type CarryOut = (task: WaitingTask, rule: Carried, signal: AbortSignal) => Promise<string | undefined>;

/** By which rule, in whose name, and how the destination knows the version. */
export interface Carried {
  readonly role: string;
  readonly rule: ReplicationRule;
  readonly remoteVersion?: string | undefined;
}

export interface ReplicatorDeps {
  readonly store: MetadataStore;
  readonly objects: Pick<ObjectStore, 'head' | 'updateAttributes'>;
  readonly settings: Pick<BucketSettings, 'get'>;
  readonly clock: Clock;
  readonly carryOut: CarryOut;
  readonly onFailure: (error: unknown) => void;
}

export interface Replicator extends Lifecycle {
  /** Reads on from where the consumer stands, then follows new events; takes up what was queued. */
  start(): Promise<void>;
  /** Queues a version by the rules that cover it; false when none does. */
  queue(head: ObjectHead): Promise<boolean>;
  /** Why a destination is not reached just now. */
  linkFailure(destination: string): string | undefined;
}

interface Link {
  work: Promise<void>;
  pauseMs: number;
  until: number;
  failure?: string | undefined;
  /** Something came while it worked. */
  again: boolean;
  busy: boolean;
}

/** The replicator. Nothing runs before `start`. */
export function openReplicator(deps: ReplicatorDeps): Replicator {
  const { store, settings, clock, objects } = deps;
  const stop = new AbortController();
  const links = new Map<string, Link>();
  let position = 0;
  let noted = 0;
  let gather: NodeJS.Timeout | undefined;
  let reading: Promise<void> = Promise.resolve();
  let look: NodeJS.Timeout | undefined;
  let unsubscribe = () => {};

  const failed = (error: unknown) => {
    if (!stop.signal.aborted) deps.onFailure(error);
  };

  const headOf = async (bucket: string, key: string, versionId: string): Promise<ObjectHead | undefined> => {
    try {
      return await objects.head(bucket, key, { versionId });
    } catch (error) {
      if (isLochError(error) && error.kind === 'user') return undefined; // gone, or under a key we have not
      throw error;
    }
  };

  const tasksFor = (
    rules: readonly ReplicationRule[],
    name: { readonly bucket: string; readonly key: string; readonly versionId: string },
    kind: TaskKind,
    facts: { readonly size: number; readonly at: number },
  ): NewTask[] =>
    rules.map((rule) => ({
      ...name,
      kind,
      destination: rule.destination.bucket,
      rule: rule.id,
      size: kind === 'object' ? facts.size : 0,
      queuedAt: facts.at,
    }));

  const rulesOf = (configuration: ReplicationConfiguration, head: ObjectHead): readonly ReplicationRule[] =>
    matchRules(configuration, {
      key: head.key,
      tags: head.attributes.tags ?? {},
      encryption: head.attributes.encryption?.algorithm,
    });

  const tasksOf = async (event: StoredEvent): Promise<NewTask[]> => {
    if (!isObjectEvent(event)) return [];
    const { bucket, key, versionId } = event.payload;
    const configuration = await settings.get(bucket, 'replication');
    if (configuration === undefined) return [];
    const name = { bucket, key, versionId };
    const facts = { size: event.payload.size ?? 0, at: event.at };
    if (event.name === 'storageObjectDeleted') {
      const { deleteMarker, operation = '', markedAt = event.at } = event.payload;
      if (deleteMarker !== true || operation === 'LifecycleExpiration' || operation.startsWith('Replicate')) return [];
      const rules = matchRules(
        { ...configuration, rules: configuration.rules.filter(replicatesMarkers) },
        { key, tags: {} },
      );
      return tasksFor(rules, name, 'marker', { ...facts, at: markedAt });
    }
    const changed = event.name === 'storageObjectChanged';
    if (changed && !isFollowed(event.payload.operation)) return [];
    const head = await headOf(bucket, key, versionId);
    const status = head?.attributes.replicationStatus;
    if (head === undefined || status === undefined) return [];
    const rules = rulesOf(configuration, head);
    if (status === 'REPLICA') {
      return changed
        ? tasksFor(
            rules.filter((rule) => rule.replicaModifications === true),
            name,
            'attributes',
            facts,
          )
        : [];
    }
    if (rules.length === 0 && status === 'PENDING') await setStatus(name, 'FAILED');
    return tasksFor(rules, name, changed ? 'attributes' : 'object', facts);
  };

  const consume = async (): Promise<void> => {
    for (;;) {
      const events = await store.readOutbox(position, BATCH);
      if (events.length === 0) return;
      const last = events.at(-1)!.sequence;
      const tasks: NewTask[] = [];
      for (const event of events) tasks.push(...(await tasksOf(event)));
      if (tasks.length > 0 || last - noted >= NOTE_EVERY) {
        await store.transact([
          storeCall(procedures.enqueue, { tasks }),
          store.advanceConsumer(CONSUMER, last), // the commit point
        ]);
        noted = last;
      }
      position = last;
      for (const { destination } of tasks) wake(destination);
      if (events.length < BATCH) return;
    }
  };

  const wake = (destination: string): void => {
    if (stop.signal.aborted) return;
    const link = links.get(destination) ?? newLink();
    links.set(destination, link);
    link.again = true;
    if (link.busy || link.until > clock.now()) return;
    link.busy = true;
    link.work = run(destination, link)
      .catch(failed)
      .finally(() => {
        link.busy = false;
      });
  };

  const run = async (destination: string, link: Link): Promise<void> => {
    while (link.again && !stop.signal.aborted) {
      link.again = false;
      for (;;) {
        const tasks = await store.read(procedures.waiting, { destination, limit: IN_HAND });
        if (tasks.length === 0 || stop.signal.aborted) break;
        const trouble = await doAll(tasks);
        if (stop.signal.aborted) return;
        if (trouble === undefined) {
          link.pauseMs = 0;
          link.failure = undefined;
          continue;
        }
        link.pauseMs = Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, link.pauseMs * 2));
        link.until = clock.now() + link.pauseMs;
        link.failure = trouble;
        return; // the timer looks again
      }
    }
  };

  /** Does tasks of different keys at once, those of one in order. Resolves with why some have to wait. */
  const doAll = async (tasks: readonly WaitingTask[]): Promise<string | undefined> => {
    const lines = [...Map.groupBy(tasks, ({ bucket, key }) => `${bucket}/${key}`).values()];
    let trouble: string | undefined;
    const next = async (): Promise<void> => {
      for (let line = lines.shift(); line !== undefined && trouble === undefined; line = lines.shift()) {
        for (const task of line) {
          if (stop.signal.aborted) return;
          const waits = await doOne(task);
          if (waits === undefined) continue;
          trouble ??= waits;
          break;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    return trouble;
  };

  const doOne = async (task: WaitingTask): Promise<string | undefined> => {
    try {
      const configuration = await settings.get(task.bucket, 'replication');
      const rule = configuration?.rules.find(({ id }) => id === task.rule);
      if (configuration === undefined || rule === undefined || rule.destination.bucket !== task.destination) {
        return await refuse(task, 'The rule by which it was to be replicated is gone.', true);
      }
      const remoteVersion = await store.read(procedures.placeOf, { task });
      const place = await deps.carryOut(task, { role: configuration.role, rule, remoteVersion }, stop.signal);
      const late = rule.destination.timeControl === true && clock.now() - task.queuedAt > TIME_CONTROL_MS;
      await settle(task, 'COMPLETED', late ? 'ReplicatedAfterThreshold' : 'ReplicationCompleted');
      await store.write(procedures.done, { task, ...(place === undefined ? {} : { remoteVersion: place }) });
      return undefined;
    } catch (error) {
      if (stop.signal.aborted) return 'stopping';
      const failure = toLochError(error);
      if (isLochError(failure, 'object_not_found', 'version_not_found', 'bucket_not_found') && (await isGone(task))) {
        await store.write(procedures.done, { task });
        return undefined;
      }
      const own = failure.kind === 'internal' && task.attempts < MAX_OWN_FAILURES;
      return refuse(task, failure.message, !(failure.retryable || own));
    }
  };

  /** Whether the source of a task is not there any more: then there is nothing to replicate. */
  const isGone = async (task: WaitingTask): Promise<boolean> =>
    task.kind !== 'marker' && (await headOf(task.bucket, task.key, task.versionId)) === undefined;

  const refuse = async (task: WaitingTask, failure: string, forGood: boolean): Promise<string | undefined> => {
    if (forGood) await settle(task, 'FAILED', 'ReplicationFailed');
    await store.write(procedures.refused, { task, failure, forGood });
    return forGood ? undefined : failure;
  };

  /** Says of the source what has become of its replicas, before the task goes: a crash between them repeats both. */
  const settle = async (task: WaitingTask, outcome: 'COMPLETED' | 'FAILED', operation: string): Promise<void> => {
    if (task.kind === 'marker') return;
    const others = await store.read(procedures.stateOf, { task });
    if (outcome === 'FAILED' || others.failed > 0) await setStatus(task, 'FAILED', operation);
    else if (others.waiting === 0) await setStatus(task, 'COMPLETED', operation);
  };

  const setStatus = async (
    { bucket, key, versionId }: { readonly bucket: string; readonly key: string; readonly versionId: string },
    replicationStatus: 'COMPLETED' | 'FAILED',
    operation = 'ReplicationFailed',
  ): Promise<void> => {
    const head = await headOf(bucket, key, versionId);
    if (head === undefined || head.attributes.replicationStatus === 'REPLICA') return;
    if (head.attributes.replicationStatus === replicationStatus) return;
    try {
      await objects.updateAttributes({ bucket, key, versionId }, { replicationStatus }, { operation });
    } catch (error) {
      if (!isLochError(error) || error.kind !== 'user') throw error; // it went meanwhile
    }
  };

  return {
    async start() {
      position = await store.consumerPosition(CONSUMER);
      noted = position;
      // The consumer must be known before events are trimmed.
      await store.transact([store.advanceConsumer(CONSUMER, position)]);
      const read = () => {
        gather = undefined;
        if (!stop.signal.aborted) reading = reading.then(consume).catch(failed);
      };
      unsubscribe = store.onCommitted((events) => {
        if (gather !== undefined || stop.signal.aborted) return;
        if (events.some(isObjectEvent)) gather = setTimeout(read, GATHER_MS);
      });
      const lookAgain = async () => {
        for (const destination of await store.read(procedures.destinations, {})) wake(destination);
      };
      look = setInterval(() => void lookAgain().catch(failed), FIRST_PAUSE_MS).unref();
      read();
      await lookAgain();
    },
    async queue(head) {
      const configuration = await settings.get(head.bucket, 'replication');
      if (configuration === undefined || head.attributes.replicationStatus === 'REPLICA') return false;
      const rules = rulesOf(configuration, head);
      if (rules.length === 0) return false;
      const { bucket, key, versionId } = head;
      await objects.updateAttributes(
        { bucket, key, versionId },
        { replicationStatus: 'PENDING' },
        { operation: 'InitiateReplication' },
      );
      const tasks = tasksFor(rules, { bucket, key, versionId }, 'object', { size: head.size, at: clock.now() });
      await store.write(procedures.enqueue, { tasks });
      for (const { destination } of tasks) wake(destination);
      return true;
    },
    linkFailure: (destination) => links.get(destination)?.failure,
    async close() {
      stop.abort();
      unsubscribe();
      clearTimeout(gather);
      clearInterval(look);
      await reading;
      for (const { work } of links.values()) await work;
      if (position > noted) await store.transact([store.advanceConsumer(CONSUMER, position)]).catch(deps.onFailure);
    },
  };
}

const newLink = (): Link => ({ work: Promise.resolve(), pauseMs: 0, until: 0, again: false, busy: false });

type ObjectEvent = Extract<
  StoredEvent,
  { name: 'storageObjectCreated' | 'storageObjectDeleted' | 'storageObjectChanged' }
>;

const isObjectEvent = (event: StoredEvent): event is ObjectEvent =>
  event.name === 'storageObjectCreated' ||
  event.name === 'storageObjectDeleted' ||
  event.name === 'storageObjectChanged';
