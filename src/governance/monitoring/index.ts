/**
 * Prometheus metrics, counted from the typed events that every layer publishes. A leaf: the only importer of the client.
 *
 * Invariants
 * - Labels come from closed lists, or are capped: past `MOST_OPERATIONS` different operations the rest count as `other`,
 *   so that nobody fills the memory by inventing names.
 * - No label holds a person, a resource or a value.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { EventBus, EventName, LochEvent } from '../../core/events.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';

const MOST_OPERATIONS = 500;

export interface Monitoring extends Lifecycle {
  /** All metrics in the Prometheus text format. */
  metricsText(): Promise<string>;
  readonly contentType: string;
}

/** Counts events from now on. `processMetrics` adds memory, CPU and event-loop figures of this process. */
export function openMonitoring(deps: { readonly events: EventBus; readonly processMetrics?: boolean }): Monitoring {
  const registry = new Registry();
  if (deps.processMetrics !== false) collectDefaultMetrics({ register: registry });
  const subscriptions: (() => void)[] = [];
  const on = <N extends EventName>(name: N, count: (payload: LochEvent<N>['payload']) => void) => {
    subscriptions.push(deps.events.subscribe(name, (event) => count(event.payload)));
  };
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name, help, labelNames, registers: [registry] });

  countRequests(registry, counter, on);
  countGovernance(counter, on);
  countStorage(counter, on);
  countWork(registry, counter, on);

  return {
    metricsText: () => registry.metrics(),
    contentType: registry.contentType,
    async close() {
      for (const unsubscribe of subscriptions) unsubscribe();
      registry.clear();
    },
  };
}

type On = <N extends EventName>(name: N, count: (payload: LochEvent<N>['payload']) => void) => void;
type MakeCounter = <L extends string>(name: string, help: string, labelNames?: L[]) => Counter<L>;

function countRequests(registry: Registry, counter: MakeCounter, on: On): void {
  const requests = counter('loch_requests_total', 'Requests answered.', ['door', 'operation', 'status']);
  const failures = counter('loch_request_failures_total', 'Requests that failed, by error code.', ['door', 'code']);
  const seconds = new Histogram({
    name: 'loch_request_duration_seconds',
    help: 'Time from arrival to the last byte of the answer.',
    labelNames: ['door', 'operation'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const known = new Set<string>();
  on('doorRequestFinished', ({ door, operation: asked, status, ms }) => {
    const operation = known.has(asked) || known.size < MOST_OPERATIONS ? asked : 'other';
    known.add(operation);
    requests.inc({ door, operation, status: String(status) });
    seconds.observe({ door, operation }, ms / 1000);
  });
  on('doorRequestFailed', ({ door, code }) => failures.inc({ door, code }));
}

function countGovernance(counter: MakeCounter, on: On): void {
  const denials = counter('loch_access_denied_total', 'Refusals by the policy, by service.', ['service']);
  const grants = counter('loch_grant_changes_total', 'Lake Formation grants given and taken.', ['change']);
  const identities = counter('loch_identity_changes_total', 'Users, keys and policies changed.', ['kind', 'change']);
  on('governanceAccessDenied', ({ action }) =>
    denials.inc({ service: /^[a-z0-9-]{1,30}(?=:)/.exec(action)?.[0] ?? 'other' }),
  );
  on('governanceGrantChanged', ({ change }) => grants.inc({ change }));
  on('governanceIdentityChanged', ({ kind, change }) => identities.inc({ kind, change }));
}

function countStorage(counter: MakeCounter, on: On): void {
  const created = counter('loch_objects_created_total', 'Objects written.');
  const bytes = counter('loch_object_bytes_written_total', 'Bytes of objects written.');
  const deleted = counter('loch_objects_deleted_total', 'Objects deleted.');
  const commits = counter('loch_table_commits_total', 'Iceberg commits.', ['operation']);
  const rows = counter('loch_table_rows_added_total', 'Rows added by Iceberg commits.');
  on('storageObjectCreated', ({ size }) => {
    created.inc();
    bytes.inc(size);
  });
  on('storageObjectDeleted', () => deleted.inc());
  on('catalogTableCommitted', ({ operation, addedRows }) => {
    commits.inc({ operation });
    rows.inc(Math.max(0, addedRows));
  });
}

function countWork(registry: Registry, counter: MakeCounter, on: On): void {
  const queries = counter('loch_queries_total', 'Queries by the state they reached.', ['state']);
  const runs = counter('loch_runs_total', 'Crawler, job and workflow runs by the state they reached.', [
    'kind',
    'state',
  ]);
  const records = counter('loch_delivery_records_total', 'Records delivered to objects.');
  const delivered = counter('loch_delivery_bytes_total', 'Bytes of records delivered to objects.');
  const up = new Gauge({
    name: 'loch_up',
    help: '1 while the server is ready, 0 otherwise.',
    registers: [registry],
  });
  on('consumptionQueryChanged', ({ state }) => queries.inc({ state }));
  on('catalogCrawlerRunChanged', ({ state }) => runs.inc({ kind: 'crawler', state }));
  on('processingJobRunChanged', ({ state }) => runs.inc({ kind: 'job', state }));
  on('processingWorkflowRunChanged', ({ state }) => runs.inc({ kind: 'workflow', state }));
  on('ingestionReplicationChanged', ({ state }) => runs.inc({ kind: 'replication', state }));
  on('ingestionDeliveryFlushed', (flush) => {
    records.inc(flush.records);
    delivered.inc(flush.bytes);
  });
  on('platformStateChanged', ({ state }) => up.set(state === 'ready' ? 1 : 0));
}
