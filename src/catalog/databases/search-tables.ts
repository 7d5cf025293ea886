import type { Catalog, SearchHit, TableRecord } from '../contract.ts';
import { authorizeGlue, glueAllows, shownTo } from './access.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

const LONGEST_QUERY = 1_000;
const DEFAULT_HITS = 50;
/** How many candidates are read for a page, tried in turn until the page is full. */
const DEPTHS = [200, 2_000, 50_000];

/** The words of a text as the index sees them, but for stems: enough to tell whether a word stands in what is shown. */
function wordsOf(text: string): string[] {
  const plain = text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase();
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Whether every word of the query begins a word of the text, or shares its stem as far as an ending of 3 letters. */
function holdsAll(query: readonly string[], text: string): boolean {
  const words = wordsOf(text);
  return query.every((wanted) => {
    const stem = wanted.length > 5 ? wanted.slice(0, -3) : wanted;
    return words.some((word) => word.startsWith(wanted) || (word.startsWith(stem) && wanted.length > 5));
  });
}

const textOf = (record: TableRecord, columns: TableRecord['columns']): string =>
  [
    record.database,
    record.name,
    record.description ?? '',
    ...columns.flatMap((column) => [column.name, column.comment ?? '']),
  ].join(' ');

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
    let hits: SearchHit[] = [];
    for (const depth of DEPTHS) {
      const candidates = await parts.store.read(databaseStore.procedures.searchTables, { text, limit: depth });
      hits = [];
      for (const { record, score } of candidates) {
        if (database !== undefined && record.database !== database) continue;
        if (!visible.table({ database: record.database, table: record.name })) continue;
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
          score,
        });
        if (hits.length >= limit) return hits;
      }
      if (candidates.length < depth) return hits;
    }
    return hits;
  };
