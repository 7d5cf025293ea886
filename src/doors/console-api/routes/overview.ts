import type { Catalog } from '../../../catalog/contract.ts';
import type { Clock } from '../../../core/clock.ts';
import type { EventBus, LochEvent } from '../../../core/events.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { type Routes, routes } from '../app.ts';

interface Happening {
  readonly at: number;
  readonly what: string;
  readonly state: string;
  readonly detail: string;
}

const KEPT = 200;
const SHOWN = 30;
const ACTIVE = new Set(['RUNNING', 'STARTING', 'COMMITTING', 'QUEUED', 'LOADING', 'SNAPSHOTTING', 'WAITING']);
const FAILED = new Set(['FAILED']);

/** Counts what the layers tell about themselves; one per server, fed by the event bus. */
export interface Activity {
  readonly figures: {
    objectsWritten: number;
    bytesWritten: number;
    refusals: number;
    readonly processing: RunCounts;
    readonly consumption: RunCounts;
    readonly ingestion: RunCounts;
  };
  readonly recent: readonly (Happening & { readonly principal?: string })[];
}

interface RunCounts {
  readonly active: Map<string, string>;
  done: number;
  failed: number;
}

const noRuns = (): RunCounts => ({ active: new Map(), done: 0, failed: 0 });

function follow(counts: RunCounts, id: string, state: string): void {
  if (ACTIVE.has(state)) {
    counts.active.set(id, state);
    return;
  }
  if (!counts.active.delete(id)) return;
  if (FAILED.has(state)) counts.failed++;
  else counts.done++;
}

/** Subscribes to `events` for as long as the server lives. */
export function followActivity(events: EventBus, clock: Clock): Activity {
  const figures = {
    objectsWritten: 0,
    bytesWritten: 0,
    refusals: 0,
    processing: noRuns(),
    consumption: noRuns(),
    ingestion: noRuns(),
  };
  const recent: (Happening & { principal?: string })[] = [];
  /** What changes its state stands once, where it changed last. */
  const tell = (what: string, state: string, detail: string, principal?: string) => {
    const before = recent.findIndex(
      (entry) => entry.what === what && entry.detail === detail && ACTIVE.has(entry.state),
    );
    if (before >= 0) recent.splice(before, 1);
    recent.unshift({ at: clock.now(), what, state, detail, ...(principal === undefined ? {} : { principal }) });
    recent.length = Math.min(recent.length, KEPT);
  };
  const count = (event: LochEvent) => {
    switch (event.name) {
      case 'storageObjectCreated':
        figures.objectsWritten++;
        figures.bytesWritten += event.payload.size;
        break;
      case 'processingJobRunChanged':
        follow(figures.processing, event.payload.runId, event.payload.state);
        tell(`Job ${event.payload.job}`, event.payload.state, event.payload.runId.slice(0, 8));
        break;
      case 'processingWorkflowRunChanged':
        tell(`Workflow ${event.payload.workflow}`, event.payload.state, event.payload.runId.slice(0, 8));
        break;
      case 'consumptionQueryChanged':
        follow(figures.consumption, event.payload.queryId, event.payload.state);
        if (!ACTIVE.has(event.payload.state))
          tell('Query', event.payload.state, event.payload.queryId.slice(0, 8), event.payload.principal);
        break;
      case 'ingestionReplicationChanged':
        follow(figures.ingestion, event.payload.task, event.payload.state);
        tell(`Load ${event.payload.task}`, event.payload.state, `${event.payload.rows} rows`);
        break;
      case 'ingestionDeliveryFlushed':
        tell(`Delivery ${event.payload.stream}`, 'COMPLETED', `${event.payload.records} records`);
        break;
      case 'catalogCrawlerRunChanged':
        tell(`Crawler ${event.payload.crawler}`, event.payload.state, event.payload.runId.slice(0, 8));
        break;
      case 'governanceAccessDenied':
        figures.refusals++;
        tell('Refusal', 'DENIED', event.payload.action, event.payload.principal);
        break;
    }
  };
  events.subscribe('*', count);
  return { figures, recent };
}

export interface OverviewDeps {
  readonly activity: Activity;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly startedAt: number;
  /** Counts that only their owner knows; each already narrowed to what the caller may see. */
  readonly counts: (
    context: RequestContext,
  ) => Promise<{ streams: number; waiting: number; buckets: number; users: number; grants: number }>;
}

/** The six layers at a glance. Operational figures are for root and administrators; others see their own queries. */
export function overviewRoutes(deps: OverviewDeps): Routes {
  const app = routes();
  app.get('/overview', async (c) => {
    const context = c.get('context');
    const { figures, recent } = deps.activity;
    const databases = await deps.catalog.listDatabases(context);
    const tables = await Promise.all(databases.map((database) => deps.catalog.listTables(context, database.name)));
    const counts = await deps.counts(context);
    const all = context.principal.kind === 'root';
    const runs = ({ active, done, failed }: RunCounts) => ({ running: active.size, done, failed });
    return c.json({
      ingestion: {
        streams: counts.streams,
        waiting: counts.waiting,
        loading: figures.ingestion.active.size,
        failed: figures.ingestion.failed,
      },
      storage: { buckets: counts.buckets, objectsWritten: figures.objectsWritten, bytesWritten: figures.bytesWritten },
      catalog: { databases: databases.length, tables: tables.reduce((sum, list) => sum + list.length, 0) },
      processing: runs(figures.processing),
      consumption: runs(figures.consumption),
      governance: { users: counts.users, grants: counts.grants, refusals: figures.refusals },
      recent: recent
        .filter((entry) => all || entry.principal === context.principal.arn)
        .slice(0, SHOWN)
        .map(({ at, what, state, detail }) => ({ at, what, state, detail })),
      upMs: deps.clock.now() - deps.startedAt,
    });
  });
  return app;
}
