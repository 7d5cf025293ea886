/**
 * Scans planned here for engines.
 *
 * Invariants
 * - A plan belongs to who asked for it: to anybody else, and after an hour or a restart, it does not exist.
 * - A plan holds what was asked and the names of manifests, never files: tasks are made when they are fetched.
 */
import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { TableName } from '../../governance/contract.ts';
import type { ContentFile, ScanTaskRequest, ScanTasks, TableMetadata } from '../../storage/contract.ts';
import { delegation } from './delegation.ts';
import { restFailure } from './errors.ts';
import { bodyObject, type IcebergAnswer, type IcebergRequest, tableOf, textMember } from './request.ts';
import { scanFilterOf } from './scan-filter.ts';

const PLAN_MS = 3_600_000;
const MAX_PLANS = 1_000;
/** Files up to which a plan answers with all its tasks; beyond, with units to fetch. */
const INLINE_FILES = 2_000;
/** Files of one unit, as far as manifests divide. */
const UNIT_FILES = 5_000;

interface Plan {
  readonly id: string;
  readonly owner: string;
  readonly table: TableName;
  readonly request: ScanTaskRequest;
  /** Manifests of each unit; one unit of everything when the tasks are given at once. */
  readonly units: readonly (readonly string[])[];
  readonly inline: boolean;
  readonly at: number;
  cancelled: boolean;
}

/** The plans that are known. */
export class ScanPlans {
  readonly #plans = new Map<string, Plan>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(plan: Omit<Plan, 'id' | 'at' | 'cancelled'>): Plan {
    const added = { ...plan, id: newId(), at: this.#clock.now(), cancelled: false };
    if (this.#plans.size >= MAX_PLANS) this.#plans.delete(this.#plans.keys().next().value as string);
    this.#plans.set(added.id, added);
    return added;
  }

  find(request: IcebergRequest, id: string): Plan | undefined {
    const plan = this.#plans.get(id);
    const table = tableOf(request);
    const same = plan?.table.database === table.database && plan.table.table === table.table;
    if (plan === undefined || !same || plan.owner !== request.context.principal.arn) return undefined;
    if (this.#clock.now() - plan.at <= PLAN_MS) return plan;
    this.#plans.delete(id);
    return undefined;
  }
}

/** `POST …/plan`: the tasks of a scan, or units to fetch them by. */
export async function planTableScan(request: IcebergRequest): Promise<IcebergAnswer> {
  const table = tableOf(request);
  const { metadata, record } = await request.catalog.openForEngine(request.context, table);
  const scan = scanOf(request, metadata!);
  const manifests = await request.catalog.scanManifests(request.context, table, scan);
  const total = manifests.reduce((sum, { files }) => sum + files, 0);
  const inline = total <= INLINE_FILES;
  const plan = request.plans.add({
    owner: request.context.principal.arn,
    table,
    request: scan,
    units: inline ? [] : unitsOf(manifests),
    inline,
  });
  const lent = await delegation(request, table, record.storage.location);
  const credentials = lent['storage-credentials'];
  return completed(request, plan, {
    'plan-id': plan.id,
    ...(credentials === undefined ? {} : { 'storage-credentials': credentials }),
  });
}

async function completed(
  request: IcebergRequest,
  plan: Plan,
  more: Readonly<Record<string, unknown>> = {},
): Promise<IcebergAnswer> {
  const { catalog, context } = request;
  const tasks = plan.inline ? taskShapes(await catalog.scanTasks(context, plan.table, plan.request)) : {};
  const units = plan.inline ? {} : { 'plan-tasks': plan.units.map((_, i) => `${plan.id}.${i}`) };
  return { status: 200, body: { status: 'completed', ...more, ...tasks, ...units } };
}

function unitsOf(manifests: readonly { readonly path: string; readonly files: number }[]): string[][] {
  const units: string[][] = [];
  let files = Number.POSITIVE_INFINITY;
  for (const manifest of manifests) {
    if (files + manifest.files > UNIT_FILES) {
      units.push([]);
      files = 0;
    }
    units.at(-1)!.push(manifest.path);
    files += manifest.files;
  }
  return units;
}

/** `GET …/plan/{plan-id}`. */
export async function fetchPlanningResult(request: IcebergRequest): Promise<IcebergAnswer> {
  const plan = requirePlan(request, request.path['plan-id'] ?? '');
  return plan.cancelled ? { status: 200, body: { status: 'cancelled' } } : completed(request, plan);
}

/** `DELETE …/plan/{plan-id}`. */
export async function cancelPlanning(request: IcebergRequest): Promise<IcebergAnswer> {
  requirePlan(request, request.path['plan-id'] ?? '').cancelled = true;
  return { status: 204 };
}

/** `POST …/tasks`: the tasks of one unit. */
export async function fetchScanTasks(request: IcebergRequest): Promise<IcebergAnswer> {
  const task = textMember(bodyObject(request), 'plan-task');
  const [, id = '', unit = ''] = /^(.*)\.(\d{1,9})$/.exec(task) ?? [];
  const plan = request.plans.find(request, id);
  const manifests = plan?.cancelled === true ? undefined : plan?.units[Number(unit)];
  if (plan === undefined || manifests === undefined) {
    throw restFailure('NoSuchPlanTaskException', 404, 'not_found', `The plan task \`${task}\` does not exist.`);
  }
  const tasks = await request.catalog.scanTasks(request.context, plan.table, { ...plan.request, manifests });
  return { status: 200, body: taskShapes(tasks) };
}

function requirePlan(request: IcebergRequest, id: string): Plan {
  const plan = request.plans.find(request, id);
  if (plan !== undefined) return plan;
  throw restFailure(
    'NoSuchPlanIdException',
    404,
    'not_found',
    `The plan \`${id}\` does not exist. Plan the scan anew.`,
  );
}

function scanOf(request: IcebergRequest, metadata: TableMetadata): ScanTaskRequest {
  const body = bodyObject(request);
  const idOf = (member: string) =>
    body[member] === undefined || body[member] === null ? undefined : String(body[member]);
  const [snapshotId, start, end] = ['snapshot-id', 'start-snapshot-id', 'end-snapshot-id'].map(idOf);
  if (snapshotId !== undefined && (start !== undefined || end !== undefined)) {
    throw new LochError(
      'invalid_argument',
      'A scan has either `snapshot-id` or `start-snapshot-id` with `end-snapshot-id`.',
    );
  }
  if ((start === undefined) !== (end === undefined)) {
    throw new LochError(
      'invalid_argument',
      'An incremental scan needs both `start-snapshot-id` and `end-snapshot-id`.',
    );
  }
  const at = snapshotId ?? end ?? metadata['current-snapshot-id'];
  return {
    // Pinned now, so that tasks fetched later are of the same snapshot.
    ...(at === undefined ? {} : { snapshotId: at }),
    ...(start === undefined ? {} : { startSnapshotId: start }),
    ...(body.filter === undefined || body.filter === null ? {} : { filter: scanFilterOf(body.filter) }),
    statistics: statisticsOf(body['stats-fields'], metadata),
  };
}

function statisticsOf(names: unknown, metadata: TableMetadata): ReadonlySet<number> {
  if (!Array.isArray(names)) return new Set();
  const wanted = new Set(names.map(String));
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === metadata['current-schema-id']);
  return new Set((schema?.fields ?? []).filter((field) => wanted.has(field.name)).map((field) => field.id));
}

function taskShapes({ deleteFiles, tasks }: ScanTasks) {
  return {
    ...(deleteFiles.length === 0 ? {} : { 'delete-files': deleteFiles.map(fileShape) }),
    'file-scan-tasks': tasks.map(({ file, deletes }) => ({
      'data-file': fileShape(file),
      ...(deletes.length === 0 ? {} : { 'delete-file-references': deletes }),
    })),
  };
}

function fileShape(file: ContentFile) {
  const map = (name: string, pairs: readonly (readonly [number, unknown])[] | undefined) =>
    pairs === undefined || pairs.length === 0
      ? {}
      : { [name]: { keys: pairs.map(([id]) => id), values: pairs.map(([, value]) => value) } };
  return {
    content: file.content,
    'file-path': file.path,
    'file-format': file.format,
    'spec-id': file.specId,
    partition: file.partition,
    'file-size-in-bytes': file.bytes,
    'record-count': file.rows,
    ...(file.splitOffsets === undefined ? {} : { 'split-offsets': file.splitOffsets }),
    ...(file.sortOrderId === undefined ? {} : { 'sort-order-id': file.sortOrderId }),
    ...(file.equalityIds === undefined ? {} : { 'equality-ids': file.equalityIds }),
    ...(file.firstRowId === undefined ? {} : { 'first-row-id': file.firstRowId }),
    ...(file.contentOffset === undefined ? {} : { 'content-offset': file.contentOffset }),
    ...(file.contentBytes === undefined ? {} : { 'content-size-in-bytes': file.contentBytes }),
    ...(file.contentOffset === undefined ? {} : { 'referenced-data-file': file.referencedDataFile }),
    ...map('column-sizes', file.columnBytes),
    ...map('value-counts', file.valueCounts),
    ...map('null-value-counts', file.nullCounts),
    ...map('nan-value-counts', file.nanCounts),
    ...map('lower-bounds', file.lower),
    ...map('upper-bounds', file.upper),
  };
}
