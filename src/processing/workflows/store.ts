/**
 * Workflows, their runs and nodes, and arrivals that wait for a run.
 *
 * Invariants
 * - At most one run of a workflow is RUNNING: the unique index says so.
 * - An arrival stands in `workflow_arrival` from the transaction that moves the trigger's outbox consumer past its event
 *   until the transaction that makes the run for it: it is never in neither place. Arrivals during a run wait for the next.
 * - A job node's run is made in the transaction that makes the node RUNNING.
 */
import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type ProcedureContext, proceduresOver } from '../../metadata/contract.ts';
import type { WorkflowDefinition, WorkflowRun } from '../contract.ts';
import type { CallerRecord } from '../jobs/records.ts';

export type NodeState = WorkflowRun['nodes'][number]['state'];
export type WorkflowRunState = WorkflowRun['state'];

interface WorkflowRow {
  name: string;
  definition: string;
  owner: string;
  created_at: number;
  updated_at: number;
}

interface RunRow {
  id: string;
  workflow: string;
  state: WorkflowRunState;
  active: number;
  stopping: number;
  trigger_text: string;
  /** The first event, as JSON in EventBridge's form. */
  event: string | null;
  started_at: number;
  ended_at: number | null;
  /** The definition as it was when the run began. */
  definition: string;
  caller: string;
}

interface NodeRow {
  run_id: string;
  position: number;
  name: string;
  state: NodeState;
  attempt: number;
  child_run_id: string | null;
  started_at: number | null;
  ended_at: number | null;
  error: string | null;
}

interface ArrivalRow {
  workflow: string;
  due_at: number;
  objects: number;
  first_key: string;
  event: string | null;
}

export interface WorkflowTables {
  workflow: WorkflowRow;
  workflow_run: RunRow;
  workflow_node: NodeRow;
  workflow_arrival: ArrivalRow;
}

export interface WorkflowRecord {
  readonly definition: WorkflowDefinition;
  readonly owner: string;
}

export interface WorkflowRunRecord {
  readonly run: WorkflowRun;
  readonly definition: WorkflowDefinition;
  readonly caller: CallerRecord;
  readonly stopping: boolean;
  /** Attempts made per node. */
  readonly attempts: Readonly<Record<string, number>>;
}

export interface Arrival {
  readonly workflow: string;
  readonly dueAt: number;
  readonly objects: number;
  readonly firstKey: string;
  /** The first of them as JSON in EventBridge's form. */
  readonly event?: string;
}

const { read, write } = proceduresOver<WorkflowTables>();

function toRun(row: RunRow, nodes: readonly NodeRow[]): WorkflowRun {
  return {
    id: row.id,
    workflow: row.workflow,
    state: row.state,
    trigger: row.trigger_text,
    ...(row.event === null ? {} : { event: JSON.parse(row.event) as Record<string, unknown> }),
    startedAt: row.started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    nodes: nodes.map((node) => ({
      name: node.name,
      state: node.state,
      ...(node.child_run_id === null ? {} : { runId: node.child_run_id }),
      ...(node.started_at === null ? {} : { startedAt: node.started_at }),
      ...(node.ended_at === null ? {} : { endedAt: node.ended_at }),
      ...(node.error === null ? {} : { error: node.error }),
    })),
  };
}

async function nodesOf(db: Kysely<WorkflowTables>, runIds: readonly string[]): Promise<Map<string, NodeRow[]>> {
  const byRun = new Map<string, NodeRow[]>(runIds.map((id) => [id, []]));
  if (runIds.length === 0) return byRun;
  const rows = await db
    .selectFrom('workflow_node')
    .selectAll()
    .where('run_id', 'in', [...runIds])
    .orderBy('run_id')
    .orderBy('position')
    .execute();
  for (const row of rows) byRun.get(row.run_id)!.push(row);
  return byRun;
}

async function recordOf(db: Kysely<WorkflowTables>, row: RunRow): Promise<WorkflowRunRecord> {
  const nodes = (await nodesOf(db, [row.id])).get(row.id)!;
  return {
    run: toRun(row, nodes),
    definition: JSON.parse(row.definition) as WorkflowDefinition,
    caller: JSON.parse(row.caller) as CallerRecord,
    stopping: row.stopping === 1,
    attempts: Object.fromEntries(nodes.map((node) => [node.name, node.attempt])),
  };
}

const activeRunOf = (db: Kysely<WorkflowTables>, workflow: string) =>
  db.selectFrom('workflow_run').selectAll().where('workflow', '=', workflow).where('active', '=', 1).executeTakeFirst();

interface NewRun {
  readonly id: string;
  readonly trigger: string;
  readonly event?: string | null;
  readonly definition: WorkflowDefinition;
  readonly caller: CallerRecord;
}

async function insertRun(db: Kysely<WorkflowTables>, run: NewRun, context: ProcedureContext): Promise<WorkflowRun> {
  const row: RunRow = {
    id: run.id,
    workflow: run.definition.name,
    state: 'RUNNING',
    active: 1,
    stopping: 0,
    trigger_text: run.trigger,
    event: run.event ?? null,
    started_at: context.now,
    ended_at: null,
    definition: JSON.stringify(run.definition),
    caller: JSON.stringify(run.caller),
  };
  const nodes = run.definition.nodes.map(
    (node, position): NodeRow => ({
      run_id: run.id,
      position,
      name: node.name,
      state: 'PENDING',
      attempt: 0,
      child_run_id: null,
      started_at: null,
      ended_at: null,
      error: null,
    }),
  );
  await db.insertInto('workflow_run').values(row).execute();
  await db.insertInto('workflow_node').values(nodes).execute();
  emitRun(context, row, 'RUNNING');
  return toRun(row, nodes);
}

function emitRun(context: ProcedureContext, row: { workflow: string; id: string }, state: WorkflowRunState): void {
  context.emit({ name: 'processingWorkflowRunChanged', payload: { workflow: row.workflow, runId: row.id, state } });
}

const workflowModule = defineStoreModule('workflow', {
  migrations: [
    {
      number: 1,
      name: 'workflows, runs, arrivals',
      statements: [
        `CREATE TABLE workflow (name TEXT PRIMARY KEY, definition TEXT NOT NULL, owner TEXT NOT NULL,
           created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)`,
        `CREATE TABLE workflow_run (id TEXT PRIMARY KEY, workflow TEXT NOT NULL, state TEXT NOT NULL,
           active INTEGER NOT NULL, stopping INTEGER NOT NULL, trigger_text TEXT NOT NULL, started_at BIGINT NOT NULL,
           ended_at BIGINT, definition TEXT NOT NULL, caller TEXT NOT NULL)`,
        'CREATE UNIQUE INDEX workflow_run_one_active ON workflow_run (workflow) WHERE active = 1',
        'CREATE INDEX workflow_run_by_workflow ON workflow_run (workflow, started_at)',
        'CREATE INDEX workflow_run_by_time ON workflow_run (started_at)',
        `CREATE TABLE workflow_node (run_id TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,
           state TEXT NOT NULL, attempt INTEGER NOT NULL, child_run_id TEXT, started_at BIGINT, ended_at BIGINT, error TEXT,
           PRIMARY KEY (run_id, position))`,
        `CREATE TABLE workflow_arrival (workflow TEXT PRIMARY KEY, due_at BIGINT NOT NULL, objects INTEGER NOT NULL,
           first_key TEXT NOT NULL)`,
      ],
    },
    {
      number: 2,
      name: 'the event that starts a run',
      statements: [
        'ALTER TABLE workflow_run ADD COLUMN event TEXT',
        'ALTER TABLE workflow_arrival ADD COLUMN event TEXT',
      ],
    },
  ],
  procedures: {
    put: write(async (db, args: { definition: WorkflowDefinition; owner: string }, { now }): Promise<void> => {
      const definition = JSON.stringify(args.definition);
      await db
        .insertInto('workflow')
        .values({ name: args.definition.name, definition, owner: args.owner, created_at: now, updated_at: now })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({ definition, owner: args.owner, updated_at: now }),
        )
        .execute();
    }),

    get: read(async (db, args: { name: string }): Promise<WorkflowRecord | undefined> => {
      const row = await db.selectFrom('workflow').selectAll().where('name', '=', args.name).executeTakeFirst();
      return row && { definition: JSON.parse(row.definition) as WorkflowDefinition, owner: row.owner };
    }),

    list: read(async (db, _: Record<never, never>): Promise<WorkflowRecord[]> => {
      const rows = await db.selectFrom('workflow').selectAll().orderBy('name').execute();
      return rows.map((row) => ({
        definition: JSON.parse(row.definition) as WorkflowDefinition,
        owner: row.owner,
      }));
    }),

    /** Removes the workflow and its waiting arrivals; its runs stay as history. */
    delete: write(async (db, args: { name: string }): Promise<void> => {
      const active = await activeRunOf(db, args.name);
      if (active !== undefined) {
        throw new LochError('concurrent_run', `The workflow \`${args.name}\` runs (${active.id}). Stop the run first.`);
      }
      await db.deleteFrom('workflow').where('name', '=', args.name).execute();
      await db.deleteFrom('workflow_arrival').where('workflow', '=', args.name).execute();
    }),

    start: write(async (db, args: NewRun, context): Promise<WorkflowRun> => {
      const active = await activeRunOf(db, args.definition.name);
      if (active !== undefined) {
        throw new LochError(
          'concurrent_run',
          `The workflow \`${args.definition.name}\` runs already (${active.id}). Wait for its end or stop it.`,
          { context: { workflow: args.definition.name, runId: active.id } },
        );
      }
      return insertRun(db, args, context);
    }),

    run: read(async (db, args: { id: string }): Promise<WorkflowRunRecord | undefined> => {
      const row = await db.selectFrom('workflow_run').selectAll().where('id', '=', args.id).executeTakeFirst();
      return row === undefined ? undefined : recordOf(db, row);
    }),

    runs: read(async (db, args: { workflow?: string; limit: number }): Promise<WorkflowRun[]> => {
      let query = db.selectFrom('workflow_run').selectAll();
      if (args.workflow !== undefined) query = query.where('workflow', '=', args.workflow);
      const rows = await query.orderBy('started_at', 'desc').orderBy('id').limit(args.limit).execute();
      const nodes = await nodesOf(
        db,
        rows.map((row) => row.id),
      );
      return rows.map((row) => toRun(row, nodes.get(row.id)!));
    }),

    activeRuns: read(async (db, _: Record<never, never>): Promise<string[]> => {
      const rows = await db.selectFrom('workflow_run').select('id').where('active', '=', 1).execute();
      return rows.map((row) => row.id);
    }),

    /** A node begins an attempt. In one transaction with the start of its job run, where it has one. */
    startNode: write(async (db, args: { runId: string; name: string; childRunId?: string }, { now }): Promise<void> => {
      await db
        .updateTable('workflow_node')
        .set((e) => ({
          state: 'RUNNING' as const,
          attempt: e('attempt', '+', 1),
          child_run_id: args.childRunId ?? null,
          started_at: e.fn.coalesce('started_at', e.val(now)),
        }))
        .where('run_id', '=', args.runId)
        .where('name', '=', args.name)
        .execute();
    }),

    /** The crawl a crawler node waits for. */
    nodeChild: write(async (db, args: { runId: string; name: string; childRunId: string }): Promise<void> => {
      await db
        .updateTable('workflow_node')
        .set({ child_run_id: args.childRunId })
        .where('run_id', '=', args.runId)
        .where('name', '=', args.name)
        .execute();
    }),

    endNode: write(
      async (db, args: { runId: string; name: string; state: NodeState; error?: string }, { now }): Promise<void> => {
        await db
          .updateTable('workflow_node')
          .set({ state: args.state, ended_at: args.state === 'PENDING' ? null : now, error: args.error ?? null })
          .where('run_id', '=', args.runId)
          .where('name', '=', args.name)
          .execute();
      },
    ),

    stopping: write(async (db, args: { id: string }): Promise<void> => {
      await db
        .updateTable('workflow_run')
        .set({ stopping: 1 })
        .where('id', '=', args.id)
        .where('active', '=', 1)
        .execute();
    }),

    end: write(
      async (db, args: { id: string; state: Exclude<WorkflowRunState, 'RUNNING'> }, context): Promise<WorkflowRun> => {
        await db
          .updateTable('workflow_run')
          .set({ state: args.state, active: 0, ended_at: context.now })
          .where('id', '=', args.id)
          .where('active', '=', 1)
          .execute();
        const row = await db.selectFrom('workflow_run').selectAll().where('id', '=', args.id).executeTakeFirstOrThrow();
        emitRun(context, row, args.state);
        return toRun(row, (await nodesOf(db, [row.id])).get(row.id)!);
      },
    ),

    /** Adds arrivals; a workflow that waits already keeps its earlier due time. */
    arrive: write(async (db, args: { arrivals: readonly Arrival[] }): Promise<void> => {
      for (const { workflow, dueAt, objects, firstKey, event = null } of args.arrivals) {
        await db
          .insertInto('workflow_arrival')
          .values({ workflow, due_at: dueAt, objects, first_key: firstKey, event })
          .onConflict((conflict) =>
            conflict.column('workflow').doUpdateSet((e) => ({
              due_at: e
                .case()
                .when('workflow_arrival.due_at', '<', dueAt)
                .then(e.ref('workflow_arrival.due_at'))
                .else(dueAt)
                .end(),
              objects: e('workflow_arrival.objects', '+', objects),
            })),
          )
          .execute();
      }
    }),

    arrivals: read(async (db, _: Record<never, never>): Promise<Arrival[]> => {
      const rows = await db.selectFrom('workflow_arrival').selectAll().orderBy('due_at').execute();
      return rows.map((row) => ({
        workflow: row.workflow,
        dueAt: row.due_at,
        objects: row.objects,
        firstKey: row.first_key,
      }));
    }),

    /**
     * The run for what has arrived, if it is due and none is under way: arrival out, run in, one transaction.
     * Undefined when there is nothing to start (yet).
     */
    startArrived: write(
      async (
        db,
        args: { id: string; workflow: string; now: number; caller: CallerRecord },
        context,
      ): Promise<WorkflowRun | undefined> => {
        const arrival = await db
          .selectFrom('workflow_arrival')
          .selectAll()
          .where('workflow', '=', args.workflow)
          .where('due_at', '<=', args.now)
          .executeTakeFirst();
        if (arrival === undefined || (await activeRunOf(db, args.workflow)) !== undefined) return undefined;
        await db.deleteFrom('workflow_arrival').where('workflow', '=', args.workflow).execute();
        const row = await db.selectFrom('workflow').selectAll().where('name', '=', args.workflow).executeTakeFirst();
        if (row === undefined) return undefined;
        const definition = JSON.parse(row.definition) as WorkflowDefinition;
        const more = arrival.objects > 1 ? ` and ${arrival.objects - 1} more` : '';
        return insertRun(
          db,
          {
            id: args.id,
            trigger: `event: ${arrival.first_key}${more}`,
            event: arrival.event,
            definition,
            caller: args.caller,
          },
          context,
        );
      },
    ),
  },
});

export const workflowProcedures = workflowModule.procedures;
export default workflowModule;
