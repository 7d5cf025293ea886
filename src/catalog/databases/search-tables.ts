import type { RequestContext } from '../../core/caller.ts';
import type { TableVisibility } from '../../governance/contract.ts';
import type { Catalog, SearchHit, TableRecord } from '../contract.ts';
import { authorizeGlue, glueAllows, shownTo } from './access.ts';
import { searchedWords } from '../search/business-words.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

const LONGEST_QUERY = 1_000;
const DEFAULT_HITS = 50;
const BATCH = 100;
/** How many candidates are read for a page, tried in turn until the page is full. */
const DEPTHS = [200, 2_000, 50_000];

/** The words of a text as the index sees them, but for stems: enough to tell whether a word stands in what is shown. */
export function wordsOf(text: string): string[] {
  const plain = text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase();
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Whether every word of the query begins a word of the text, or shares its stem as far as an ending of 3 letters. */
export function holdsAll(query: readonly string[], text: string): boolean {
  const words = wordsOf(text);
  return query.every((wanted) => {
    const stem = wanted.length > 5 ? wanted.slice(0, -3) : wanted;
    return words.some((word) => word.startsWith(wanted) || (word.startsWith(stem) && wanted.length > 5));
  });
}

/** What of a table is searched, with these columns. */
export const textOf = (record: TableRecord, columns: TableRecord['columns']): string =>
  [
    record.database,
    record.name,
    record.description ?? '',
    ...columns.flatMap((column) => [column.name, column.comment ?? '']),
    searchedWords({ ...record, columns, partitionKeys: [] }),
  ].join(' ');

/** The hits among candidates whose names may be seen, in order, with only the columns that may. */
async function visibleHits(
  parts: CatalogParts,
  context: RequestContext,
  candidates: readonly { readonly id: string; readonly score: number }[],
  query: { readonly words: readonly string[]; readonly limit: number; readonly visible: TableVisibility },
): Promise<SearchHit[]> {
  const { words, limit, visible } = query;
  const hits: SearchHit[] = [];
  for (let start = 0; start < candidates.length; start += BATCH) {
    const batch = candidates.slice(start, start + BATCH);
    const read = await parts.store.read(databaseStore.procedures.tablesById, { ids: batch.map(({ id }) => id) });
    const records = new Map(read.map((record) => [record.id, record]));
    for (const { id, score } of batch) {
      const record = records.get(id);
      if (record === undefined) continue;
      const shown = shownTo(visible, record);
      const columns = [...shown.columns, ...shown.partitionKeys];
      if (shown !== record && !holdsAll(words, textOf(record, columns))) continue;
      if (!(await glueAllows(parts, context, 'SearchTables', `table/${record.database}/${record.name}`))) continue;
      hits.push({
        database: record.database,
        table: record.name,
        ...(record.description === undefined ? {} : { description: record.description }),
        format: record.format,
        columns: columns
          .filter((column) =>
            words.some((word) => column.name.includes(word) || holdsAll([word], column.comment ?? '')),
          )
          .map((column) => column.name),
        score: -score,
      });
      if (hits.length >= limit) return hits;
    }
  }
  return hits;
}

/**
 * Tables whose name, columns, comments, description or database hold every word, best first. A hit that rests on a
 * column the caller may not see is no hit.
 */
export const searchTables =
  (parts: CatalogParts): Catalog['search'] =>
  async (context, query) => {
    await authorizeGlue(parts, context, 'SearchTables');
    const text = query.text.slice(0, LONGEST_QUERY);
    const words = wordsOf(text);
    const limit = query.limit ?? DEFAULT_HITS;
    if (words.length === 0 || limit === 0) return [];
    const visible = await parts.policy.visibleTables(context);
    const database = query.database?.toLowerCase();
    const shows = (id: string): boolean => {
      const name = parts.names.nameOf(id);
      return name !== undefined && (database === undefined || name.database === database) && visible.table(name);
    };
    let hits: SearchHit[] = [];
    for (const depth of DEPTHS) {
      const candidates = await parts.store.read(databaseStore.procedures.searchTables, { text, limit: depth });
      hits = await visibleHits(
        parts,
        context,
        candidates.filter((candidate) => shows(candidate.id)),
        { words, limit, visible },
      );
      if (hits.length >= limit) return hits;
      if (candidates.length < depth) return hits;
    }
    return hits;
  };
