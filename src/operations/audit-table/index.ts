/**
 * The table `audit.events`: data events as rows of an Iceberg table, so that "who read this column" is a query.
 *
 * Invariants
 * - The audit store is the record; this table is a copy that follows it by seconds. Nothing waits for it.
 * - A batch is named by its first and last sequence number. Its commit carries that name, and the position moves after
 *   it, so that a crash in between repeats the batch and the repeat changes nothing.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Engine } from '../../engines/contract.ts';
import type { DataEventRecord, Trail } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { type DataFile, type ObjectStore, parseS3Uri, type TableFormat } from '../../storage/contract.ts';

const DATABASE = 'audit';
const TABLE = 'events';
const CONSUMER = 'audit-table';
const BATCH = 50_000;
/** A copy of few events waits, so that the table is not made of tiny files. */
const SMALL_BATCH = 1_000;

/** The columns with their Glue types and, beside them, what the engine casts them to. */
const COLUMNS = [
  ['event_time', 'timestamp', 'TIMESTAMP'],
  ['sequence', 'bigint', 'BIGINT'],
  ['event_id', 'string', 'VARCHAR'],
  ['request_id', 'string', 'VARCHAR'],
  ['principal', 'string', 'VARCHAR'],
  ['username', 'string', 'VARCHAR'],
  ['access_key_id', 'string', 'VARCHAR'],
  ['account_id', 'string', 'VARCHAR'],
  ['door', 'string', 'VARCHAR'],
  ['source_ip', 'string', 'VARCHAR'],
  ['event_source', 'string', 'VARCHAR'],
  ['event_name', 'string', 'VARCHAR'],
  ['resource', 'string', 'VARCHAR'],
  ['columns', 'string', 'VARCHAR'],
  ['applied_grants', 'string', 'VARCHAR'],
  ['query_id', 'string', 'VARCHAR'],
  ['snapshot_id', 'string', 'VARCHAR'],
  ['row_count', 'bigint', 'BIGINT'],
  ['byte_count', 'bigint', 'BIGINT'],
  ['error_code', 'string', 'VARCHAR'],
] as const;

export interface AuditTableDeps {
  readonly store: MetadataStore;
  readonly trail: Pick<Trail, 'exportDataEvents'>;
  readonly catalog: Catalog;
  readonly engine: Engine;
  readonly tables: TableFormat;
  readonly objects: ObjectStore;
  readonly workDirectory: string;
  /** Bucket of the table; made when missing. */
  readonly bucket: string;
  readonly accountId: string;
  readonly region: string;
  /** The owner of the lake, for what this does by itself. */
  readonly context: () => RequestContext;
  /** **Units**: milliseconds between looks. */
  readonly everyMs: number;
  readonly onFailure: (error: unknown) => void;
}

/** Keeps the table up to date until closed. */
export interface AuditTable extends Lifecycle {
  /** Copies what waits now. Resolves with the number of events copied. */
  copyNow(): Promise<number>;
}

/** Opens the copier. The table is made with its first batch. */
export function openAuditTable(deps: AuditTableDeps): AuditTable {
  let running: Promise<number> = Promise.resolve(0);
  let quietRounds = 0;
  const alone = (least: number) => {
    running = running.then(
      () => copy(deps, least),
      () => copy(deps, least),
    );
    return running;
  };
  const timer = setInterval(() => {
    // Few events are copied only every tenth look.
    const least = quietRounds >= 10 ? 1 : SMALL_BATCH;
    alone(least).then((copied) => {
      quietRounds = copied > 0 ? 0 : quietRounds + 1;
    }, deps.onFailure);
  }, deps.everyMs);
  timer.unref();
  return {
    copyNow: () => alone(1),
    async close() {
      clearInterval(timer);
      await running.catch(() => 0); // told to onFailure when it failed
    },
  };
}

async function copy(deps: AuditTableDeps, least: number): Promise<number> {
  const after = await deps.store.readerPosition(CONSUMER);
  const events = await deps.trail.exportDataEvents(after, BATCH);
  if (events.length < least) return 0;
  const last = events.at(-1)!.sequence;
  const runId = `audit-${after}-${last}`;
  const folder = join(deps.workDirectory, runId);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await ensureTable(deps);
    const context = deps.context();
    const files = await writeFiles(deps, context, events, folder, runId);
    await deps.catalog.commitTable(context, { database: DATABASE, table: TABLE }, { kind: 'append', files }, { runId });
    await deps.store.transact([deps.store.advanceConsumer(CONSUMER, last)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return events.length;
}

async function ensureTable(deps: AuditTableDeps): Promise<void> {
  const { catalog, objects } = deps;
  const context = deps.context();
  await unlessThere(() => objects.createBucket(deps.bucket, { region: deps.region, ownerAccountId: deps.accountId }));
  await unlessThere(() =>
    catalog.createDatabase(context, {
      name: DATABASE,
      locationUri: `s3://${deps.bucket}/`,
      description: 'The audit trail as tables',
    }),
  );
  await unlessThere(() =>
    catalog.createIcebergTable(context, {
      database: DATABASE,
      name: TABLE,
      columns: COLUMNS.map(([name, type]) => ({ name, type })),
      partition: [{ column: 'event_time', transform: 'day' }],
      location: `s3://${deps.bucket}/events`,
      description: 'Every read and write of data: who, which columns, shaped by which grants',
    }),
  );
}

async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isLochError(error, 'already_exists', 'bucket_exists')) throw error;
  }
}

/** The events as data files of the table, in the object store but in no snapshot yet. */
async function writeFiles(
  deps: AuditTableDeps,
  context: RequestContext,
  events: readonly DataEventRecord[],
  folder: string,
  runId: string,
): Promise<DataFile[]> {
  const { metadata } = await deps.catalog.resolveTable(context, { database: DATABASE, table: TABLE });
  const layout = deps.tables.writeLayout(metadata!);
  const input = join(folder, 'events.json');
  await writeFile(input, events.map((event) => `${JSON.stringify(rowOf(event))}\n`).join(''));
  const casts = COLUMNS.map(([name, , type]) => `CAST("${name}" AS ${type}) AS "${name}"`);
  const types = COLUMNS.map(([name]) => `${name}: 'VARCHAR'`);
  const source = `SELECT ${casts.join(', ')} FROM read_json('${input.replaceAll("'", "''")}', format = 'newline_delimited', columns = {${types.join(', ')}})`;
  const { files } = await deps.engine.execute(
    {
      sql: layout.select(source),
      preamble: layout.preamble,
      inputs: [input],
      result: {
        kind: 'parquet',
        directory: join(folder, 'out'),
        fieldIds: layout.fieldIds,
        partitionBy: layout.partitionBy,
        partitionColumnsInFiles: false,
      },
    },
    context.signal,
  );
  const { bucket, key } = parseS3Uri(metadata!.location);
  const adopted: DataFile[] = [];
  for (const [i, file] of files.entries()) {
    const name = `${key}/data/${runId}-${i}.parquet`;
    await deps.objects.put(bucket, name, { adoptFile: file.path }, { operation: 'TableWrite' });
    adopted.push(deps.tables.dataFile(metadata!, file, `s3://${bucket}/${name}`));
  }
  return adopted;
}

function rowOf(event: DataEventRecord): Record<string, string | null> {
  return {
    event_time: new Date(event.eventTime).toISOString(),
    sequence: String(event.sequence),
    event_id: event.eventId,
    request_id: event.requestId,
    principal: event.principal,
    username: event.username,
    access_key_id: event.accessKeyId ?? null,
    account_id: event.accountId,
    door: event.door,
    source_ip: event.sourceIp,
    event_source: event.eventSource,
    event_name: event.eventName,
    resource: event.resource,
    columns: event.columns.join(','),
    applied_grants: event.appliedGrants.join(','),
    query_id: event.queryId ?? null,
    snapshot_id: event.snapshotId ?? null,
    row_count: event.rows === undefined ? null : String(event.rows),
    byte_count: event.bytes === undefined ? null : String(event.bytes),
    error_code: event.errorCode ?? null,
  };
}
