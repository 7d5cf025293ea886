import { createHash } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import { authorizeGlue, requireTable } from '../databases/access.ts';
import { type CatalogParts, fold } from '../databases/parts.ts';
import type { Lineage, LineageEdge, LineageNode } from './contract.ts';
import { keyOf } from './ends.ts';
import { nodesOf, Sight } from './sight.ts';
import lineageStore, { type KeptEdge } from './store.ts';

const DEFAULT_DEPTH = 3;
const DEEPEST = 10;
const MOST_NODES = 500;

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
    const sight = await Sight.of(parts, context);
    const at = options.asOf === undefined ? {} : { asOf: options.asOf };
    const start = keyOf({ kind: 'table', ...name });
    const distances = new Map([[start, 0]]);
    const shown = new Map([[start, true]]);
    const rows = new Map<string, KeptEdge>();
    let more = false;
    const direction = options.direction ?? 'both';
    for (const [side, other, sign] of [
      ['target', 'source', -1],
      ['source', 'target', 1],
    ] as const) {
      if (direction !== 'both' && direction !== (sign < 0 ? 'upstream' : 'downstream')) continue;
      let ends = [start];
      for (let step = 1; step <= depth && ends.length > 0; step++) {
        const page = await parts.store.read(lineageStore.procedures.edges, { ends, side, ...at });
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
        const beyond = await parts.store.read(lineageStore.procedures.edges, { ends, side, ...at });
        more ||= beyond.edges.some((row) => !distances.has(row[other]));
      }
    }
    const idOf = (key: string) => createHash('sha256').update(`${context.requestId} ${key}`).digest('hex').slice(0, 16);
    const seen = [...distances.keys()].filter((key) => shown.get(key) === true);
    const labels = await nodesOf(parts, seen);
    const nodes = [...distances].map(([key, distance]): LineageNode => {
      if (shown.get(key) !== true) return { id: idOf(key), kind: 'restricted', name: '', distance };
      return { id: idOf(key), ...labels.get(key)!, distance };
    });
    const edges: LineageEdge[] = [];
    for (const row of rows.values()) edges.push(await edgeOf(row, sight, shown, idOf));
    return { nodes, edges, more };
  };

async function edgeOf(
  row: KeptEdge,
  sight: Sight,
  shown: ReadonlyMap<string, boolean>,
  idOf: (key: string) => string,
): Promise<LineageEdge> {
  const ends = { from: idOf(row.source), to: idOf(row.target) };
  const both = shown.get(row.source) === true && shown.get(row.target) === true;
  // What moves a hidden thing says something of it: its job and columns stay hidden with it.
  if (!both) return { ...ends, job: '', runId: '', at: row.at, firstAt: row.first_at, columnLevel: false, columns: [] };
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
    firstAt: row.first_at,
    columnLevel: row.columns !== null,
    columns: pairs.filter(([a, b]) => from.has(a) && b !== '' && to.has(b)).map(([a, b]) => ({ from: a, to: b })),
  };
}
