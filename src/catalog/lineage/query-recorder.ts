/**
 * Draws what statements read and streams deliver into the graph: the durable consumer `lineage-recorder` of the outbox. A statement leaves its
 * flows in the transaction of its own end and waits for nothing; here they are joined by the hundred.
 *
 * Invariant: the consumer moves past events in the transaction that draws their edges.
 */
import type { Clock } from '../../core/clock.ts';
import type { EventName, StoredEvent } from '../../core/events.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import type { LineageFlow } from './contract.ts';
import { edgesOfFlow, statementsOfFlow } from './edges-of-flow.ts';
import lineageStore, { type LineageRow } from './store.ts';

const CONSUMER = 'lineage-recorder';
const BATCH = 500;
/** Events are gathered this long before they are looked at. */
const GATHER_MS = 50;
/** Other events after which the consumer's position is written all the same. */
const NOTE_EVERY = 1_000;
const RETRY_MS = 1_000;
/** Queries are remembered so long after their last run. */
const KEEP_QUERIES_MS = 90 * 86_400_000;
const FORGET_EVERY_MS = 3_600_000;
const FORGET_BATCH = 500;

/** What an event says was made from what. */
function flowsOf(event: StoredEvent): readonly LineageFlow[] {
  if (event.name === 'consumptionTablesRead') return JSON.parse(event.payload.flows) as LineageFlow[];
  if (event.name !== 'ingestionDeliveryFlushed') return [];
  const { stream, bucket, key, folder } = event.payload;
  return [
    {
      job: `delivery/${stream}`,
      runId: key,
      inputs: [{ kind: 'dataset', namespace: 'stream', name: stream }],
      outputs: [{ kind: 'objects', bucket, prefix: folder ?? key }],
    },
  ];
}

const TELLING = new Set<EventName>(['consumptionTablesRead', 'ingestionDeliveryFlushed']);

/** Follows the outbox until it is closed. `settled` resolves when what is committed now is drawn. */
export function openQueryRecorder(options: {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}): { settled(): Promise<void>; close(): Promise<void> } {
  const { store, clock, onFailure } = options;
  let position: number | undefined;
  let noted = 0;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let work: Promise<void> = Promise.resolve();
  let forgotten = 0;

  const consume = async (): Promise<void> => {
    if (position === undefined) {
      position = await store.consumerPosition(CONSUMER);
      noted = position;
    }
    for (;;) {
      const events = await store.readOutbox(position, BATCH);
      const last = events.at(-1)?.sequence;
      if (last === undefined) break;
      const edges = new Map<string, LineageRow>();
      const statements = new Map<string, { key: string; text: string; at: number }>();
      const told: { job: string; runId: string; flow: string }[] = [];
      for (const event of events) {
        for (const flow of flowsOf(event)) {
          for (const edge of edgesOfFlow(flow, event.at)) {
            edges.set(JSON.stringify([edge.source, edge.target, edge.job]), edge);
          }
          for (const statement of statementsOfFlow(flow, event.at)) statements.set(statement.key, statement);
          told.push({ job: flow.job, runId: flow.runId, flow: JSON.stringify(flow) });
        }
      }
      if (edges.size > 0 || last - noted >= NOTE_EVERY) {
        await store.transact([
          storeCall(lineageStore.procedures.addEdges, {
            edges: [...edges.values()],
            statements: [...statements.values()],
            events: told,
          }),
          store.advanceConsumer(CONSUMER, last),
        ]);
        noted = last;
      }
      position = last;
      if (events.length < BATCH) break;
    }
    await forget();
  };

  const forget = async (): Promise<void> => {
    const now = clock.now();
    if (now - forgotten < FORGET_EVERY_MS) return;
    const { forgetQueries } = lineageStore.procedures;
    const gone = await store.write(forgetQueries, { before: now - KEEP_QUERIES_MS, limit: FORGET_BATCH });
    if (gone < FORGET_BATCH) forgotten = now;
  };

  const look = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    work = work.then(consume).catch((error: unknown) => {
      if (closed) return;
      onFailure(error);
      later(RETRY_MS);
    });
    return work;
  };
  const later = (ms: number): void => {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => void look(), ms);
    timer.unref();
  };
  const unsubscribe = store.onCommitted((events) => {
    if (events.some((event) => TELLING.has(event.name))) later(GATHER_MS);
  });
  later(GATHER_MS);
  return {
    settled: look,
    async close() {
      closed = true;
      clearTimeout(timer);
      unsubscribe();
      await work;
    },
  };
}
