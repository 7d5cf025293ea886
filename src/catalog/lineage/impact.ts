import { LochError } from '../../core/errors.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import { type CatalogParts, fold } from '../databases/parts.ts';
import type { Impact, Lineage } from './contract.ts';
import { keyOf } from './ends.ts';
import { nodesOf, Sight } from './sight.ts';
import lineageStore, { type KeptEdge } from './store.ts';

const DEFAULT_DEPTH = 5;
const DEEPEST = 10;
const MOST_CONSUMERS = 1_000;

/** How far a change reaches into one end: its columns, and whether that is known for sure. */
interface Reach {
  readonly distance: number;
  /** Undefined: any column may be touched. */
  columns: Set<string> | undefined;
  certain: boolean;
  lastAt: number;
}

/** **Cost**: one look-up a step; each end is walked once for what reached it first. */
export const impactOf =
  (parts: CatalogParts): Lineage['impact'] =>
  async (context, given, options = {}) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const record = await readTable(parts, context, name);
    const depth = options.depth ?? DEFAULT_DEPTH;
    if (!Number.isInteger(depth) || depth < 1 || depth > DEEPEST) {
      throw new LochError('invalid_argument', `The depth is ${depth}; it must be 1 to ${DEEPEST}.`);
    }
    const column = options.column?.toLowerCase();
    const sight = await Sight.of(parts, context);
    const start = keyOf({ kind: 'table', ...name });
    const own = [...record.columns, ...record.partitionKeys].map((one) => one.name.toLowerCase());
    if (column !== undefined && !(own.includes(column) && (await sight.columns(start, [column])).has(column))) {
      throw new LochError('invalid_argument', `\`${name.database}.${name.table}\` has no column \`${column}\`.`, {
        context: { column },
      });
    }
    const reached = new Map<string, Reach>([
      [start, { distance: 0, columns: column === undefined ? undefined : new Set([column]), certain: true, lastAt: 0 }],
    ]);
    let ends = [start];
    let more = false;
    for (let step = 1; step <= depth && ends.length > 0; step++) {
      const page = await parts.store.read(lineageStore.procedures.edges, { ends, side: 'source' });
      more ||= page.more;
      const next = new Set<string>();
      for (const edge of page.edges) {
        const touched = touch(edge, reached.get(edge.source)!);
        if (touched === undefined) continue;
        const known = reached.get(edge.target);
        if (known === undefined && reached.size > MOST_CONSUMERS) {
          more = true;
          continue;
        }
        if (known === undefined) {
          reached.set(edge.target, { distance: step, ...touched, lastAt: edge.at });
          // What only decides which rows there are breaks its reader, not the reader's readers.
          if (touched.columns === undefined || touched.columns.size > 0) next.add(edge.target);
        } else if (known.distance === step) {
          known.certain ||= touched.certain;
          known.lastAt = Math.max(known.lastAt, edge.at);
          if (touched.columns === undefined) known.columns = undefined;
          else for (const one of touched.columns) known.columns?.add(one);
          if (touched.columns === undefined || touched.columns.size > 0) next.add(edge.target);
        }
      }
      // Nobody is walked past what he may not see, or the number of its readers would be told.
      ends = [];
      for (const key of next) if (await sight.sees(key)) ends.push(key);
    }
    reached.delete(start);
    const labels = await nodesOf(parts, [...reached.keys()]);
    const consumers: Impact[] = [];
    for (const [key, { distance, columns, certain, lastAt }] of reached) {
      if (!(await sight.sees(key))) {
        consumers.push({ kind: 'restricted', name: '', distance, columns: [], certain, lastAt });
        continue;
      }
      const shown = await sight.columns(key, [...(columns ?? [])]);
      const listed = [...(columns ?? [])].filter((one) => shown.has(one));
      consumers.push({ ...labels.get(key)!, distance, columns: listed, certain, lastAt });
    }
    return { consumers: consumers.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1)), more };
  };

/** What of an edge's target is made of what was reached of its source; undefined when nothing is. */
function touch(edge: KeptEdge, from: Reach): Pick<Reach, 'columns' | 'certain'> | undefined {
  if (edge.columns === null) {
    return { columns: undefined, certain: from.certain && from.columns === undefined };
  }
  const pairs = JSON.parse(edge.columns) as readonly (readonly [string, string])[];
  const touched = pairs.filter(([source]) => from.columns === undefined || from.columns.has(source));
  if (touched.length === 0 && from.columns !== undefined) return undefined;
  return { columns: new Set(touched.flatMap(([, target]) => (target === '' ? [] : [target]))), certain: from.certain };
}
