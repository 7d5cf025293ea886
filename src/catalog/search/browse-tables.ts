/**
 * Tables by words and facets. Candidates come from the full-text index, where each facet value is a word of its own; the
 * caller's view decides about each in memory, and only rows of what he sees are read.
 */
import type { RequestContext } from '../../core/caller.ts';
import { type SearchTerm, searchTerms } from '../../core/search-words.ts';
import type { TableVisibility } from '../../governance/contract.ts';
import type { TableRecord } from '../contract.ts';
import { authorizeGlue, glueAllows, shownTo } from '../databases/access.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { holdsAll, holdsTerms, textOf, wordsOf } from '../databases/search-tables.ts';
import { fewVisibleIds, visibleNames } from '../databases/visible-names.ts';
import databaseStore from '../databases/store.ts';
import { facetsOf, facetToken, wordOf } from './business-words.ts';
import {
  type BrowseAnswer,
  type BrowseHit,
  type BrowseQuery,
  type Discovery,
  FACETS,
  type Facet,
  type GlossaryTerm,
} from './contract.ts';
import glossaryStore from './store.ts';

const LONGEST_QUERY = 1_000;
const DEFAULT_HITS = 50;
const MOST_HITS = 200;
/** How many tables that the caller sees are looked at for totals and facets. */
const MOST_SEEN = 1_000;
const CANDIDATES = 50_000;
const BATCH = 200;
const MOST_VARIANTS = 8;
const MOST_FACET_VALUES = 50;
/** Longer queries are not corrected. **Units**: words. */
const MOST_MEANT = 6;
const MOST_NEAR = 3;

interface Seen {
  readonly record: TableRecord;
  readonly facets: Readonly<Record<Facet, readonly string[]>>;
  readonly score: number;
  readonly words: readonly string[];
}

/** The query as it is, and with a word replaced by what the glossary says means the same. */
function variantsOf(text: string, terms: readonly GlossaryTerm[]): string[] {
  const variants = [text];
  const folded = ` ${wordsOf(text).join(' ')} `;
  for (const term of terms) {
    const names = [term.name, ...term.synonyms].map((name) => wordsOf(name).join(' '));
    for (const name of names) {
      if (name === '' || !folded.includes(` ${name} `)) continue;
      for (const other of names) {
        const variant = folded.replace(` ${name} `, ` ${other} `).trim();
        if (other !== '' && other !== name && !variants.includes(variant)) variants.push(variant);
      }
    }
    if (variants.length >= MOST_VARIANTS) break;
  }
  return variants.slice(0, MOST_VARIANTS);
}

const matches = (facets: Seen['facets'], filters: NonNullable<BrowseQuery['filters']>): boolean =>
  FACETS.every((facet) => {
    const wanted = filters[facet] ?? [];
    if (wanted.length === 0) return true;
    const folded = new Set(facets[facet].map((value) => value.toLowerCase()));
    return wanted.some((value) => folded.has(value.toLowerCase()));
  });

interface Candidate {
  readonly id: string;
  readonly score: number;
  readonly words: readonly string[];
  readonly terms: readonly SearchTerm[];
}

/** Ids by relevance, or all of them by name where there are no words. */
async function candidatesOf(parts: CatalogParts, query: BrowseQuery, visible: TableVisibility): Promise<Candidate[]> {
  const text = (query.text ?? '').slice(0, LONGEST_QUERY);
  const tokens = FACETS.flatMap((facet) => {
    const values = query.filters?.[facet] ?? [];
    return values.length === 1 ? [facetToken(facet, values[0]!)] : [];
  });
  const shows = (id: string): boolean => {
    const name = parts.names.nameOf(id);
    return name !== undefined && visible.table(name);
  };
  if (wordsOf(text).length === 0 && tokens.length === 0) {
    if (text.trim() !== '') return [];
    return parts.names.databases().flatMap((database) =>
      visibleNames(parts, visible, database).flatMap((table) => {
        const name = { database, table };
        const id = visible.table(name) ? parts.names.tableId(name) : undefined;
        return id === undefined ? [] : [{ id, score: 0, words: [], terms: [] }];
      }),
    );
  }
  const few = fewVisibleIds(parts, visible);
  const among = few === undefined ? {} : { among: few };
  const terms = wordsOf(text).length === 0 ? [] : await parts.store.read(glossaryStore.procedures.terms, {});
  const found = new Map<string, Candidate>();
  for (const variant of wordsOf(text).length === 0 ? [''] : variantsOf(text, terms)) {
    // The last word is looked up as a beginning: the caller's own, not a token.
    const args = { text: [...tokens, variant].join(' '), limit: CANDIDATES, ...among };
    const looked = { words: wordsOf(variant), terms: searchTerms(variant) };
    for (const { id, score } of await parts.store.read(databaseStore.procedures.searchTables, args)) {
      if (shows(id) && !found.has(id)) found.set(id, { id, score: -score, ...looked });
    }
  }
  return [...found.values()].sort((a, b) => b.score - a.score);
}

/** What the caller sees of the candidates, in their order, up to a bound. */
async function seenOf(
  parts: CatalogParts,
  context: RequestContext,
  candidates: readonly Candidate[],
  query: BrowseQuery,
  visible: TableVisibility,
): Promise<{ readonly seen: Seen[]; readonly more: boolean }> {
  const seen: Seen[] = [];
  for (let start = 0; start < candidates.length; start += BATCH) {
    const batch = candidates.slice(start, start + BATCH);
    const read = await parts.store.read(databaseStore.procedures.tablesById, { ids: batch.map(({ id }) => id) });
    const records = new Map(read.map((record) => [record.id, record]));
    for (const { id, score, words, terms } of batch) {
      const whole = records.get(id);
      if (whole === undefined) continue;
      const record = shownTo(visible, whole);
      // A hit that rests on a column the caller may not see is no hit.
      if (record !== whole && !holdsTerms(terms, textOf(record, [...record.columns, ...record.partitionKeys])))
        continue;
      const facets = facetsOf(record);
      if (!matches(facets, query.filters ?? {})) continue;
      if (!(await glueAllows(parts, context, 'SearchTables', `table/${record.database}/${record.name}`))) continue;
      if (seen.length >= MOST_SEEN) return { seen, more: true };
      seen.push({ record, facets, score, words });
    }
  }
  return { seen, more: false };
}

function hitOf({ record, facets, score, words }: Seen): BrowseHit {
  const columns = [...record.columns, ...record.partitionKeys].filter((column) =>
    words.some((word) => column.name.includes(word) || holdsAll([word], column.comment ?? '')),
  );
  const optional = (name: 'owner' | 'steward' | 'sensitivity') => {
    const value = wordOf(record.parameters, name);
    return value === undefined ? {} : { [name]: value };
  };
  return {
    database: record.database,
    table: record.name,
    ...(record.description === undefined ? {} : { description: record.description }),
    format: record.format,
    columns: columns.map((column) => column.name),
    score,
    ...optional('owner'),
    ...optional('steward'),
    ...optional('sensitivity'),
    terms: facets.term,
    tags: facets.tag,
    updatedAt: record.updatedAt,
  };
}

function countsOf(seen: readonly Seen[]): BrowseAnswer['facets'] {
  const counted = FACETS.map((facet) => {
    const counts = new Map<string, number>();
    for (const { facets } of seen) {
      for (const value of facets[facet]) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const values = [...counts].map(([value, count]) => ({ value, count }));
    values.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
    return [facet, values.slice(0, MOST_FACET_VALUES)] as const;
  });
  return Object.fromEntries(counted) as unknown as BrowseAnswer['facets'];
}

/**
 * The query with its words as they may have been meant: each word that no document has is replaced by a near one. They are
 * told only where they lead to something that the caller sees.
 */
async function spellings(parts: CatalogParts, text: string): Promise<string[]> {
  const words = wordsOf(text.slice(0, LONGEST_QUERY));
  if (words.length === 0 || words.length > MOST_MEANT) return [];
  const { nearWords, searchTables } = databaseStore.procedures;
  let variants: string[][] = [[]];
  let changed = false;
  for (const word of words) {
    const known = (await parts.store.read(searchTables, { text: word, limit: 1 })).length > 0;
    const near = known ? [] : await parts.store.read(nearWords, { word, limit: MOST_NEAR });
    changed ||= near.length > 0;
    const options = near.length === 0 ? [word] : near;
    variants = variants.flatMap((variant) => options.map((option) => [...variant, option])).slice(0, MOST_VARIANTS);
  }
  return changed ? variants.map((variant) => variant.join(' ')) : [];
}

/** **Cost**: two index look-ups a synonym, and the rows of at most a thousand tables that the caller sees. */
export const browseTables =
  (parts: CatalogParts): Discovery['browse'] =>
  async (context, query) => {
    await authorizeGlue(parts, context, 'SearchTables');
    const visible = await parts.policy.visibleTables(context);
    const look = async (asked: BrowseQuery) =>
      seenOf(parts, context, await candidatesOf(parts, asked, visible), asked, visible);
    let { seen, more } = await look(query);
    let corrected: string | undefined;
    for (const text of seen.length > 0 ? [] : await spellings(parts, query.text ?? '')) {
      ({ seen, more } = await look({ ...query, text }));
      if (seen.length > 0) {
        corrected = text;
        break;
      }
    }
    if (query.sort === 'updated') seen.sort((a, b) => b.record.updatedAt - a.record.updatedAt);
    if (query.sort === 'name') {
      const key = ({ record }: Seen) => `${record.name}\u0000${record.database}`;
      seen.sort((a, b) => (key(a) < key(b) ? -1 : 1));
    }
    const offset = Math.max(0, query.offset ?? 0);
    const limit = Math.min(MOST_HITS, Math.max(1, query.limit ?? DEFAULT_HITS));
    return {
      hits: seen.slice(offset, offset + limit).map(hitOf),
      total: seen.length,
      more,
      facets: countsOf(seen),
      ...(corrected === undefined ? {} : { corrected }),
    };
  };
