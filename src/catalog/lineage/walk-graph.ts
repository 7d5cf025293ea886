import { createHash } from 'node:crypto';
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { authorizeGlue, requireTable } from '../databases/access.ts';
import { type CatalogParts, fold } from '../databases/parts.ts';
import databaseStore from '../databases/store.ts';
import type { Lineage, LineageEdge, LineageNode } from './contract.ts';
import { endOf, keyOf, nameOf } from './ends.ts';
import lineageStore, { type LineageRow } from './store.ts';

const DEFAULT_DEPTH = 3;
const DEEPEST = 10;
const MOST_NODES = 500;

/** What the caller may see of ends and of their columns. */
class Sight {
  readonly #parts: CatalogParts;
  readonly #context: RequestContext;
  readonly #visible: Awaited<ReturnType<CatalogParts['policy']['visibleTables']>>;

  constructor(
    parts: CatalogParts,
    context: RequestContext,
    visible: Awaited<ReturnType<CatalogParts['policy']['visibleTables']>>,
  ) {
    this.#parts = parts;
    this.#context = context;
    this.#visible = visible;
  }

  async sees(key: string): Promise<boolean> {
    const end = endOf(key);
    if (end.kind === 'table') {
      return this.#parts.names.tableId(end) !== undefined && this.#visible.table(end);
    }
    if (end.kind === 'dataset') return true;
    const resource = s3Arn(end.bucket, end.prefix === '' ? '*' : `${end.prefix}/*`);
    return (await this.#parts.policy.decide(this.#context, { action: 's3:GetObject', resource })).allowed;
  }

  /** Of these columns of an end those that may be shown. */
  async columns(key: string, columns: readonly string[]): Promise<ReadonlySet<string>> {
    const end = endOf(key);
    if (end.kind !== 'table' || columns.length === 0) return new Set(columns);
    const record = await this.#parts.store.read(databaseStore.procedures.table, {
      database: end.database,
      name: end.table,
    });
    const all = record === undefined ? [] : [...record.columns, ...record.partitionKeys].map(({ name }) => name);
    return new Set(this.#visible.columns(end, all));
  }
}

/** **Cost**: one look-up a step and direction. A graph may have cycles; each end is walked once. */
export const walkGraph =
  (parts: CatalogParts): Lineage['graph'] =>
  async (context, given, options = {}) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const depth = options.depth ?? DEFAULT_DEPTH;
    if (!Number.isInteger(depth) || depth < 1 || depth > DEEPEST) {
      throw new LochError('invalid_argument', `The depth is ${depth}; it must be 1 to ${DEEPEST}.`);
    }
    const sight = new Sight(parts, context, await parts.policy.visibleTables(context));
    const start = keyOf({ kind: 'table', ...name });
    const distances = new Map([[start, 0]]);
    const shown = new Map([[start, true]]);
    const rows = new Map<string, LineageRow>();
    let more = false;
    const direction = options.direction ?? 'both';
    for (const [side, other, sign] of [
      ['target', 'source', -1],
      ['source', 'target', 1],
    ] as const) {
      if (direction !== 'both' && direction !== (sign < 0 ? 'upstream' : 'downstream')) continue;
      let ends = [start];
      for (let step = 1; step <= depth && ends.length > 0; step++) {
        const page = await parts.store.read(lineageStore.procedures.edges, { ends, side });
        more ||= page.more;
        const next: string[] = [];
        for (const row of page.edges) {
          const far = row[other];
          if (!distances.has(far)) {
            if (distances.size >= MOST_NODES) {
              more = true;
              continue;
            }
            distances.set(far, sign * step);
            const visible = await sight.sees(far);
            shown.set(far, visible);
            if (visible) next.push(far);
          }
          rows.set(JSON.stringify([row.source, row.target, row.job]), row);
        }
        ends = next;
      }
      if (ends.length > 0) {
        const beyond = await parts.store.read(lineageStore.procedures.edges, { ends, side });
        more ||= beyond.edges.some((row) => !distances.has(row[other]));
      }
    }
    const idOf = (key: string) => createHash('sha256').update(`${context.requestId} ${key}`).digest('hex').slice(0, 16);
    const nodes = [...distances].map(([key, distance]): LineageNode => {
      if (shown.get(key) !== true) return { id: idOf(key), kind: 'restricted', name: '', distance };
      const end = endOf(key);
      return { id: idOf(key), kind: end.kind, name: nameOf(end), distance };
    });
    const edges: LineageEdge[] = [];
    for (const row of rows.values()) edges.push(await edgeOf(row, sight, shown, idOf));
    return { nodes, edges, more };
  };

async function edgeOf(
  row: LineageRow,
  sight: Sight,
  shown: ReadonlyMap<string, boolean>,
  idOf: (key: string) => string,
): Promise<LineageEdge> {
  const ends = { from: idOf(row.source), to: idOf(row.target) };
  const both = shown.get(row.source) === true && shown.get(row.target) === true;
  // What moves a hidden thing says something of it: its job and columns stay hidden with it.
  if (!both) return { ...ends, job: '', runId: '', at: row.at, columnLevel: false, columns: [] };
  const pairs = row.columns === null ? [] : (JSON.parse(row.columns) as [string, string][]);
  const from = await sight.columns(
    row.source,
    pairs.map(([column]) => column),
  );
  const to = await sight.columns(
    row.target,
    pairs.map(([, column]) => column),
  );
  return {
    ...ends,
    job: row.job,
    runId: row.run_id,
    at: row.at,
    columnLevel: row.columns !== null,
    columns: pairs.filter(([a, b]) => from.has(a) && to.has(b)).map(([a, b]) => ({ from: a, to: b })),
  };
}
