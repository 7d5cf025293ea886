import type { RequestContext } from '../../core/caller.ts';
import { type SearchTerm, searchTerms } from '../../core/search-words.ts';
import type { TableVisibility } from '../../governance/contract.ts';
import type { Catalog, SearchHit, TableRecord } from '../contract.ts';
import { authorizeGlue, glueAllows, shownTo } from './access.ts';
import { searchedWords } from '../search/business-words.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';
import { fewVisibleIds } from './visible-names.ts';

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

/** Whether a text holds every term: phrases as neighbours, words at the beginning of one of its own. */
export function holdsTerms(terms: readonly SearchTerm[], text: string): boolean {
  const words = wordsOf(text);
  return terms.every(({ words: wanted }) => {
    if (wanted.length === 1) return holdsAll(wordsOf(wanted[0]!), text);
    const folded = wordsOf(wanted.join(' '));
    return words.some((_, i) => folded.every((word, j) => sameStem(words[i + j], word)));
  });
}

const sameStem = (word: string | undefined, wanted: string): boolean =>
  word !== undefined && (word === wanted || (wanted.length > 5 && word.startsWith(wanted.slice(0, -3))));

interface Wanted {
  readonly terms: readonly SearchTerm[];
  readonly limit: number;
  readonly visible: TableVisibility;
}

/** What is shown of the candidates, in order, with only the columns that may be seen. */
async function visibleRecords(
  parts: CatalogParts,
  context: RequestContext,
  candidates: readonly { readonly id: string; readonly score: number }[],
  { terms, limit, visible }: Wanted,
): Promise<{ readonly record: TableRecord; readonly score: number }[]> {
  const found: { readonly record: TableRecord; readonly score: number }[] = [];
  for (let start = 0; start < candidates.length; start += BATCH) {
    const batch = candidates.slice(start, start + BATCH);
    const read = await parts.store.read(databaseStore.procedures.tablesById, { ids: batch.map(({ id }) => id) });
    const records = new Map(read.map((record) => [record.id, record]));
    for (const { id, score } of batch) {
      const record = records.get(id);
      if (record === undefined) continue;
      const shown = shownTo(visible, record);
      if (shown !== record && !holdsTerms(terms, textOf(record, [...shown.columns, ...shown.partitionKeys]))) continue;
      if (!(await glueAllows(parts, context, 'SearchTables', `table/${record.database}/${record.name}`))) continue;
      found.push({ record: shown, score });
      if (found.length >= limit) return found;
    }
  }
  return found;
}

interface TextQuery {
  readonly text: string;
  readonly limit?: number;
  readonly database?: string;
  readonly whole?: boolean;
}

/** Tables that hold all terms of a text, best first, as the caller sees them. */
async function findRecords(parts: CatalogParts, context: RequestContext, query: TextQuery) {
  await authorizeGlue(parts, context, 'SearchTables');
  const text = query.text.slice(0, LONGEST_QUERY);
  const whole = query.whole === true;
  const terms = searchTerms(text, { whole });
  const limit = query.limit ?? DEFAULT_HITS;
  if (terms.length === 0 || limit === 0) return [];
  const visible = await parts.policy.visibleTables(context);
  const database = query.database?.toLowerCase();
  const shows = (id: string): boolean => {
    const name = parts.names.nameOf(id);
    return name !== undefined && (database === undefined || name.database === database) && visible.table(name);
  };
  const few = fewVisibleIds(parts, visible);
  let found: Awaited<ReturnType<typeof visibleRecords>> = [];
  for (const depth of DEPTHS) {
    const candidates = await parts.store.read(databaseStore.procedures.searchTables, {
      text,
      limit: depth,
      whole,
      ...(few === undefined ? {} : { among: few }),
    });
    const shown = candidates.filter((candidate) => shows(candidate.id));
    found = await visibleRecords(parts, context, shown, { terms, limit, visible });
    if (found.length >= limit || candidates.length < depth) break;
  }
  return found;
}

/**
 * Tables whose name, columns, comments, description or database hold every word and quoted phrase, best first. A hit that
 * rests on a column the caller may not see is no hit.
 */
export const searchTables =
  (parts: CatalogParts): Catalog['search'] =>
  async (context, query) => {
    const words = wordsOf(query.text.slice(0, LONGEST_QUERY));
    return (await findRecords(parts, context, query)).map(
      ({ record, score }): SearchHit => ({
        database: record.database,
        table: record.name,
        ...(record.description === undefined ? {} : { description: record.description }),
        format: record.format,
        columns: [...record.columns, ...record.partitionKeys]
          .filter((column) =>
            words.some((word) => column.name.includes(word) || holdsAll([word], column.comment ?? '')),
          )
          .map((column) => column.name),
        score: -score,
      }),
    );
  };

/** The same as whole records. */
export const searchRecords =
  (parts: CatalogParts): Catalog['searchRecords'] =>
  async (context, query) =>
    (await findRecords(parts, context, query)).map(({ record }) => record);
