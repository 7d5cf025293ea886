/**
 * Binds every table of a gated statement: what it is, what the caller may see of it, which files must be read.
 *
 * Invariants
 * - Policy is asked once per table and statement, before any file of it is touched.
 * - A view is bound as its own statement, with the caller's rights on what it reads, and then shaped like a table.
 */
import type { Catalog, ResolvedTable, TableScan } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { SyntaxNode } from '../../../engines/contract.ts';
import type { TableName, TableShape } from '../../../governance/contract.ts';
import type { ObjectInput, StageInput } from '../../../processing/contract.ts';
import type { ScanPredicate } from '../../../storage/contract.ts';
import type { QueryPathDeps } from '../deps.ts';
import { nameColumns } from '../dialects/name-columns.ts';
import { type Inspection, inspectStatement, type TableUse } from '../gate/inspect-statement.ts';
import { type Requalified, rewriteStatement, type StatementTemplate } from '../rewrite-statement.ts';
import { fileColumns } from '../secure/file-source.ts';
import { icebergColumns, isLineage, lineageColumns, ROW_IDENTITY } from '../secure/iceberg-source.ts';
import type { SourceColumn } from '../secure/secured-scan.ts';
import { columnFlows, type FlowSource, type ResultColumnFlow } from './column-flows.ts';
import { columnsRead, requalifiedColumns } from './column-names.ts';
import { metadataTable } from './metadata-tables.ts';
import { predicatesOfShape, unmaskedColumns } from './shape-predicates.ts';
import { type ColumnTypes, scanPredicates } from './scan-predicates.ts';
import { type SystemTable, systemTable } from './system-tables.ts';
import { timeTravelOf } from './time-travel.ts';
import { viewStatement } from './view-text.ts';

/** A table of the catalog as one statement reads it. */
export interface BoundTable {
  readonly kind: 'table';
  readonly name: TableName;
  readonly table: ResolvedTable;
  readonly shape: TableShape;
  readonly columns: readonly SourceColumn[];
  readonly scan: TableScan;
  /** The snapshot that the statement travels to; undefined when it reads the current one. */
  readonly travelledTo: string | undefined;
  /** Bytes told to the caller: with a row filter, those of the files that the filter alone leaves. */
  readonly bytes: number;
  readonly columnsRead: readonly string[];
  /** The table that the statement changes: rows say which they are. The predicates are those its reading was pruned by. */
  readonly changed?: { readonly predicates: readonly ScanPredicate[] };
}

/** A view of the catalog, with its own statement. */
export interface BoundView {
  readonly kind: 'view';
  readonly name: TableName;
  readonly shape: TableShape;
  readonly columns: readonly SourceColumn[];
  readonly body: BoundStatement;
  readonly columnsRead: readonly string[];
}

export type BoundSource =
  | BoundTable
  | BoundView
  | { readonly kind: 'objects'; readonly input: ObjectInput }
  | { readonly kind: 'stage'; readonly input: StageInput }
  | { readonly kind: 'system'; readonly table: SystemTable };

export interface BoundStatement {
  readonly sql: string;
  readonly uses: readonly TableUse[];
  /** One for each of `uses`. */
  readonly sources: readonly BoundSource[];
  readonly template: StatementTemplate;
  readonly preamble: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  /** What each column of the result is made of, where that is sure. */
  readonly columnFlows?: readonly ResultColumnFlow[];
}

export interface BindOptions {
  readonly database: string;
  readonly objects: readonly ObjectInput[];
  readonly stages: readonly StageInput[];
  readonly dialect: 'athena' | 'duckdb';
  /** The table that is changed, under the name that the statement reads it by. */
  readonly changed?: { readonly alias: string; readonly name: TableName };
}

/** Views may stand on views so deep. */
const MAX_VIEW_DEPTH = 16;

/**
 * **Errors**: `syntax_error`, `statement_refused`, `unsupported` with `context.position` in the engine's text of the
 * statement; `table_not_found`, `database_not_found`; what policy and catalog throw.
 */
export async function bindStatement(
  deps: QueryPathDeps,
  context: RequestContext,
  sql: string,
  options: BindOptions,
  depth = 0,
): Promise<BoundStatement> {
  const transpiled = await deps.transpile(sql, options.dialect);
  const parsed = { sql: transpiled.sql, tree: await parseOne(deps, transpiled.sql, options.dialect) };
  const { sql: text, tree } =
    options.dialect === 'athena' && depth === 0 ? await nameColumns(deps.engine, parsed) : parsed;
  const inspection = inspectStatement(tree);
  const { tables: uses } = inspection;
  const requalified: readonly Requalified[] = requalifiedColumns(inspection);
  const [template, sources] = await Promise.all([
    rewriteStatement(deps.engine, text, tree, inspection, requalified),
    bindSources(deps, context, inspection, options, depth),
  ]);
  const flows = columnFlows(
    tree,
    uses.flatMap((use, i): FlowSource[] => {
      const source = sources[i]!;
      if (source.kind !== 'table' && source.kind !== 'view') return [];
      return [{ use, name: source.name, columns: visibleNames(source) }];
    }),
  );
  return {
    sql: text,
    uses,
    sources,
    ...(flows === undefined ? {} : { columnFlows: flows }),
    template,
    preamble: transpiled.preamble,
    settings: transpiled.settings,
  };
}

async function parseOne(deps: QueryPathDeps, sql: string, dialect: BindOptions['dialect']): Promise<SyntaxNode> {
  const [tree, second] = await deps.engine.parse(sql).catch((error: unknown) => {
    if (dialect === 'duckdb' || !isLochError(error, 'syntax_error')) throw error;
    // The transpiler took it and the engine does not: a construct without translation.
    const near = error.message.replace('syntax error at or near', 'not supported here:');
    throw new LochError('unsupported', `The statement has a construct that is not supported (${near}).`, {
      cause: error,
    });
  });
  if (tree === undefined) throw new LochError('syntax_error', 'The statement is empty.', { context: { position: 0 } });
  if (second !== undefined) {
    throw new LochError('syntax_error', 'Only one statement at a time. Send the second one by itself.');
  }
  return tree;
}

interface Found {
  readonly name: TableName;
  readonly table: ResolvedTable;
  readonly shape: TableShape;
  readonly columns: readonly SourceColumn[];
}

async function bindSources(
  deps: QueryPathDeps,
  context: RequestContext,
  inspection: Inspection,
  options: BindOptions,
  depth: number,
): Promise<BoundSource[]> {
  const { tables: uses } = inspection;
  const found = new Map<TableUse, Found>();
  const asked = new Map<string, Promise<Omit<Found, 'columns'>>>();
  const sources = new Map<TableUse, BoundSource>();
  await Promise.all(
    uses.map(async (use) => {
      const given =
        givenInput(use, options) ??
        (await systemTable(deps, context, use)) ??
        (await metadataTable(deps, context, use, options.database).catch((error: unknown) =>
          Promise.reject(withPosition(error, use)),
        ));
      if (given !== undefined) {
        sources.set(use, given);
        return;
      }
      const changed = isChanged(use, options);
      const name = changed
        ? options.changed!.name
        : { database: (use.database ?? options.database).toLowerCase(), table: use.table.toLowerCase() };
      const key = JSON.stringify(name);
      const answer = asked.get(key) ?? resolve(deps, context, name);
      asked.set(key, answer);
      const resolved = await answer.catch((error: unknown) => Promise.reject(withPosition(error, use)));
      const snapshotId = use.timeTravel === undefined ? undefined : timeTravelOf(resolved.table, use).snapshotId;
      const columns = columnsOf(resolved.table, snapshotId, inspection);
      if (changed) assertChangeable(context, resolved);
      found.set(use, { ...resolved, columns: changed ? [...columns, ...ROW_IDENTITY] : columns });
    }),
  );
  const typesOf = (use: TableUse) => visibleTypes(found.get(use));
  await Promise.all(
    [...found].map(async ([use, table]) => {
      const read = columnsRead(inspection, use, visibleNames(table));
      const source =
        table.table.record.format === 'view'
          ? await bindView(deps, context, table, read, depth)
          : await bindTable(deps.catalog, table, use, scanPredicates(use, uses, typesOf), read);
      const changed = source.kind === 'table' && isChanged(use, options);
      sources.set(use, changed ? { ...source, changed: { predicates: scanPredicates(use, uses, typesOf) } } : source);
    }),
  );
  return uses.map((use) => sources.get(use)!);
}

function givenInput(use: TableUse, { objects, stages }: BindOptions): BoundSource | undefined {
  if (use.database !== undefined) return undefined;
  const named = (input: { readonly name: string }) => input.name.toLowerCase() === use.table.toLowerCase();
  const object = objects.find(named);
  if (object !== undefined) return { kind: 'objects', input: object };
  const stage = stages.find(named);
  return stage === undefined ? undefined : { kind: 'stage', input: stage };
}

function isChanged(use: TableUse, { changed }: BindOptions): boolean {
  return changed !== undefined && use.database === undefined && use.table === changed.alias;
}

/**
 * Rows that a filter hides would be changed unseen, and a masked value written back as if it were the row's.
 * **Source**: Lake Formation, "Data filtering": cell filters allow reading only.
 */
function assertChangeable(context: RequestContext, { name, table, shape }: Omit<Found, 'columns'>): void {
  const { record, metadata } = table;
  const full = `${name.database}.${name.table}`;
  if (metadata === undefined) {
    throw new LochError(
      'unsupported',
      `\`${full}\` is a ${record.format} ${record.format === 'view' ? '' : 'table, not an Iceberg table'}: its rows cannot be changed. UPDATE, DELETE and MERGE need a transactional table (Iceberg).`,
      { context: { table: full, format: record.format } },
    );
  }
  if (metadata['format-version'] >= 3) {
    throw new LochError(
      'unsupported',
      `\`${full}\` is of Iceberg format version 3, whose rows keep their ids when they are changed; that is not done by SQL here. Change it by an engine that writes version 3, or append to it.`,
      { context: { table: full, version: metadata['format-version'] } },
    );
  }
  if (shape.kind === 'full') return;
  throw new LochError(
    'access_denied',
    `\`${context.principal.arn}\` sees \`${full}\` through a filter. UPDATE, DELETE and MERGE need SELECT on the whole table, without row filters, cell filters and column masks: grant that, or let another role change it.`,
    { context: { table: full, principal: context.principal.arn } },
  );
}

async function resolve(deps: QueryPathDeps, context: RequestContext, name: TableName): Promise<Omit<Found, 'columns'>> {
  const table = await deps.catalog.resolveTable(context, name);
  const { record } = table;
  const shape = await deps.policy.tableShape(context, name, [...record.columns, ...record.partitionKeys]);
  return { name, table, shape };
}

function columnsOf(
  { record, metadata }: ResolvedTable,
  snapshotId: string | undefined,
  { columns }: Inspection,
): readonly SourceColumn[] {
  if (metadata === undefined) return fileColumns(record);
  const isNamed = (name: string) => columns.some(({ names }) => names.at(-1)?.toLowerCase() === name);
  return [...icebergColumns(metadata, snapshotId), ...lineageColumns(metadata, isNamed)];
}

function visibleNames({ columns, shape }: Pick<Found, 'columns' | 'shape'>): string[] {
  const shown = columns.filter((column) => column.hidden !== true);
  if (shape.kind === 'full') return shown.map((column) => column.name);
  const visible = new Set(shape.columns.map((name) => name.toLowerCase()));
  return shown.flatMap(({ name, policyName }) => (visible.has(policyName?.toLowerCase() ?? '') ? [name] : []));
}

function visibleTypes(table: Found | undefined): ColumnTypes | undefined {
  if (table === undefined) return undefined;
  const names = new Set(visibleNames(table));
  const known = table.columns.filter((column) => !isLineage(column));
  return new Map(known.flatMap((c) => (names.has(c.name) ? [[c.name.toLowerCase(), c.type] as const] : [])));
}

async function bindTable(
  catalog: Catalog,
  found: Found,
  use: TableUse,
  wanted: ReturnType<typeof scanPredicates>,
  read: readonly string[],
): Promise<BoundTable> {
  const { name, table, shape, columns } = found;
  const travel = use.timeTravel === undefined ? {} : timeTravelOf(table, use);
  const travelledTo = travel.snapshotId;
  // What the filter itself leaves is read anyway; what the caller's predicates leave of it must not be told, since it
  // depends on hidden rows.
  const ofPolicy = use.timeTravel === undefined ? predicatesOfShape(shape) : [];
  const clear = unmaskedColumns(shape);
  const ofCaller = wanted.filter(({ column, op }) => shape.kind === 'full' || (clear.has(column) && op !== 'is_null'));
  const scan = await catalog.planTableScan(table, { predicates: [...ofPolicy, ...ofCaller], ...travel });
  const filtered = shape.kind === 'shaped' && ofCaller.length > 0;
  const told = filtered ? await catalog.planTableScan(table, { predicates: ofPolicy, ...travel }) : scan;
  return { kind: 'table', name, table, shape, columns, scan, travelledTo, bytes: told.bytes, columnsRead: read };
}

async function bindView(
  deps: QueryPathDeps,
  context: RequestContext,
  found: Found,
  read: readonly string[],
  depth: number,
): Promise<BoundView> {
  const { name, table, shape, columns } = found;
  if (depth >= MAX_VIEW_DEPTH) {
    throw new LochError('limit_exceeded', `Views stand on views deeper than ${MAX_VIEW_DEPTH}, at ${name.table}.`);
  }
  const text = viewStatement(table.record);
  const body = await bindStatement(
    deps,
    context,
    text.sql,
    { database: text.database ?? name.database, dialect: text.dialect, objects: [], stages: [] },
    depth + 1,
  ).catch((error: unknown) => {
    throw outsidePosition(error);
  });
  return { kind: 'view', name, shape, columns, body, columnsRead: read };
}

/** The same error, told where in the statement the table stands. */
function withPosition(error: unknown, use: TableUse): unknown {
  if (!isLochError(error) || use.position === undefined || error.context.position !== undefined) return error;
  return new LochError(error.code, error.message, {
    context: { ...error.context, position: use.position },
    cause: error,
  });
}

/** A position inside a view's text says nothing in the caller's. */
function outsidePosition(error: unknown): unknown {
  if (!isLochError(error) || error.context.position === undefined) return error;
  const { position: _, ...context } = error.context;
  return new LochError(error.code, error.message, { context, cause: error });
}
