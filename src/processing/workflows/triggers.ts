/**
 * Starts workflows when objects arrive: the durable consumer `workflow-triggers` of the outbox.
 *
 * Invariants
 * - The consumer moves past an event in the transaction that notes its arrival; so no arrival is lost and none counts
 *   twice. Events that match nothing are passed in memory and noted now and then: reading them again does no harm.
 * - Rules are read after the events they are applied to: a workflow that was there before an object is asked about it.
 */
import type { Clock } from '../../core/clock.ts';
import type { StoredEvent } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import type { BridgeEvent } from '../../storage/contract.ts';
import { compileObjectRules } from '../rules/match-object.ts';
import { type Arrival, workflowProcedures } from './store.ts';

export const TRIGGER_CONSUMER = 'workflow-triggers';
const BATCH = 1000;
/** Events are gathered this long before they are looked at. */
const GATHER_MS = 25;
/** Unmatched events after which the consumer's position is written all the same. */
const NOTE_EVERY = 1000;
const MAX_TIMER_MS = 60_000;

export interface TriggerOptions {
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** Takes on a run that was just made. */
  readonly take: (runId: string) => void;
  /** The event as EventBridge tells it, where its bucket's EventBridge is on. */
  readonly bridged?: (event: StoredEvent) => Promise<BridgeEvent | undefined>;
  /** A failure of the background work; it is tried again at the next event. */
  readonly onFailure: (error: unknown) => void;
}

export interface Triggers extends Lifecycle {
  /** Reads on from where the consumer stands, then follows new events. */
  start(): Promise<void>;
  /** Starts what is due: called after a run's end and after a workflow changed. */
  startDue(): void;
}

/** The consumer of arrivals. Nothing is read before `start`. */
export function createTriggers(options: TriggerOptions): Triggers {
  const { store, clock } = options;
  let position = 0;
  let noted = 0;
  let unread = 0;
  let gather: NodeJS.Timeout | undefined;
  let due: NodeJS.Timeout | undefined;
  let work: Promise<void> = Promise.resolve();
  let unsubscribe = () => {};
  let closed = false;

  const consume = async (): Promise<void> => {
    for (;;) {
      const events = await store.readOutbox(position, BATCH);
      if (events.length === 0) break;
      const last = events.at(-1)!.sequence;
      const arrivals = await arrivalsOf(events);
      if (arrivals.length > 0 || last - noted >= NOTE_EVERY) {
        await store.transact([
          storeCall(workflowProcedures.arrive, { arrivals }),
          store.advanceConsumer(TRIGGER_CONSUMER, last),
        ]);
        noted = last;
      }
      position = last;
      if (events.length < BATCH) break;
    }
    unread = 0;
  };

  const arrivalsOf = async (events: readonly StoredEvent[]): Promise<Arrival[]> => {
    const changes = events.filter(isObjectEvent);
    if (changes.length === 0) return [];
    const workflows = await store.read(workflowProcedures.list, {});
    const rules = compileObjectRules(workflows.map((record) => record.definition));
    const byWorkflow = new Map<string, Arrival>();
    for (const event of changes) {
      if (!rules.has(event.payload.bucket)) continue;
      const bridged = await options.bridged?.(event);
      const type = bridged?.['detail-type'] ?? (event.name === 'storageObjectCreated' ? 'Object Created' : '');
      const { bucket, key } = event.payload;
      for (const { workflow, batchWindowMs } of rules.match(bucket, key, type, bridged !== undefined)) {
        const known = byWorkflow.get(workflow);
        const dueAt = event.at + batchWindowMs;
        byWorkflow.set(workflow, {
          workflow,
          dueAt: Math.min(known?.dueAt ?? dueAt, dueAt),
          objects: (known?.objects ?? 0) + 1,
          firstKey: known?.firstKey ?? `${bucket}/${key}`,
          ...firstEvent(known, bridged),
        });
      }
    }
    return [...byWorkflow.values()];
  };

  const startArrived = async (): Promise<void> => {
    const arrivals = await store.read(workflowProcedures.arrivals, {});
    if (arrivals.length === 0) return;
    const owners = new Map(
      (await store.read(workflowProcedures.list, {})).map((record) => [record.definition.name, record.owner]),
    );
    const now = clock.now();
    for (const { workflow, dueAt } of arrivals) {
      const owner = owners.get(workflow);
      if (dueAt > now || owner === undefined) continue;
      const id = newId();
      const run = await store.write(workflowProcedures.startArrived, { id, workflow, now, caller: callerFor(owner) });
      if (run !== undefined) options.take(run.id);
    }
    const next = arrivals.find((arrival) => arrival.dueAt > now);
    if (next !== undefined && !closed) {
      clearTimeout(due);
      due = setTimeout(enqueue, Math.min(MAX_TIMER_MS, next.dueAt - now), startArrived);
    }
  };

  /** One piece of work after the other; a failure is told and does not stop the next. */
  const enqueue = (piece: () => Promise<void>): Promise<void> => {
    if (!closed) work = work.then(piece).catch(options.onFailure);
    return work;
  };

  const look = async (): Promise<void> => {
    gather = undefined;
    await consume();
    await startArrived();
  };

  return {
    async start() {
      position = await store.consumerPosition(TRIGGER_CONSUMER);
      noted = position;
      // The consumer must be known before events are trimmed.
      await store.transact([store.advanceConsumer(TRIGGER_CONSUMER, position)]);
      unsubscribe = store.onCommitted((events) => {
        unread += events.length;
        if (gather !== undefined || closed) return;
        if (unread < NOTE_EVERY && !events.some(isObjectEvent)) return;
        gather = setTimeout(() => void enqueue(look), GATHER_MS);
      });
      await enqueue(look);
    },
    startDue: () => void enqueue(startArrived),
    async close() {
      closed = true;
      unsubscribe();
      clearTimeout(gather);
      clearTimeout(due);
      await work;
      if (position > noted) {
        await store.transact([store.advanceConsumer(TRIGGER_CONSUMER, position)]).catch(options.onFailure);
      }
    },
  };
}

type ObjectEvent = Extract<
  StoredEvent,
  { name: 'storageObjectCreated' | 'storageObjectDeleted' | 'storageObjectChanged' }
>;

const isObjectEvent = (event: StoredEvent): event is ObjectEvent =>
  event.name === 'storageObjectCreated' ||
  event.name === 'storageObjectDeleted' ||
  event.name === 'storageObjectChanged';

/** The first of the events of a run is the one it keeps. */
function firstEvent(known: Arrival | undefined, bridged: BridgeEvent | undefined): Pick<Arrival, 'event'> {
  if (known !== undefined) return known.event === undefined ? {} : { event: known.event };
  return bridged === undefined ? {} : { event: JSON.stringify(bridged) };
}

/** A run that an event starts is its workflow owner's. */
const callerFor = (owner: string) => ({
  principalArn: owner,
  requestId: newId(),
  door: 'internal',
  sourceIp: '127.0.0.1',
  userAgent: 'loch-workflow-trigger',
  secure: true,
});
