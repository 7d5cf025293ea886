/**
 * What tables mean, and finding them by it.
 *
 * Call rules
 * - Business words live in the parameters of tables and columns under `loch.` names, so every door sees and sets them; an
 *   update that does not name them keeps them.
 * - Hits, counts and facets are of what the caller may see alone: a word in a hidden column is no hit.
 */
import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';
import type { SearchHit, TableRecord } from '../contract.ts';

/** What people say of a table. An empty text or list takes a word away; what is absent stays. */
export interface BusinessWords {
  readonly description?: string;
  readonly owner?: string;
  readonly steward?: string;
  readonly sensitivity?: string;
  /** Names of glossary terms. */
  readonly terms?: readonly string[];
  readonly tags?: readonly string[];
  readonly columns?: Readonly<
    Record<string, { readonly comment?: string; readonly sensitivity?: string; readonly terms?: readonly string[] }>
  >;
}

export interface GlossaryTerm {
  readonly name: string;
  readonly definition: string;
  /** Words that mean the same: a search for one finds what has the term. */
  readonly synonyms: readonly string[];
  readonly updatedAt: number;
  readonly updatedBy: string;
}

/** A term as it was. */
export interface GlossaryTermVersion extends GlossaryTerm {
  readonly version: number;
  /** This version took the term away. */
  readonly deleted: boolean;
  readonly updatedThrough?: string;
}

/** By what tables are counted and filtered. */
export const FACETS = ['database', 'format', 'owner', 'steward', 'sensitivity', 'term', 'tag'] as const;
export type Facet = (typeof FACETS)[number];

export interface BrowseQuery {
  /** Words; without any, every table the caller sees. */
  readonly text?: string;
  /** A table must have one of the values of each facet named. */
  readonly filters?: Partial<Readonly<Record<Facet, readonly string[]>>>;
  readonly sort?: 'relevance' | 'name' | 'updated';
  readonly limit?: number;
  readonly offset?: number;
}

export interface BrowseHit extends SearchHit {
  readonly owner?: string;
  readonly steward?: string;
  readonly sensitivity?: string;
  readonly terms: readonly string[];
  readonly tags: readonly string[];
  readonly updatedAt: number;
}

export interface BrowseAnswer {
  readonly hits: readonly BrowseHit[];
  /** How many tables there are, up to a bound. */
  readonly total: number;
  /** What the words were taken for, where nothing has them as they were typed. */
  readonly corrected?: string;
  /** True when the bound was reached: total and facets are of the best ones. */
  readonly more: boolean;
  readonly facets: Readonly<Record<Facet, readonly { readonly value: string; readonly count: number }[]>>;
}

/** Finding tables by technical and business words, and saying the latter. */
export interface Discovery {
  browse(context: RequestContext, query: BrowseQuery): Promise<BrowseAnswer>;
  /** Needs ALTER. **Errors**: `column_not_found`; `invalid_argument` for a term that the glossary does not have. */
  annotate(context: RequestContext, name: TableName, words: BusinessWords): Promise<TableRecord>;
  /** Looks at the search index and mends it when it is damaged; with `rebuild` it is written anew while it serves. */
  checkIndex(
    context: RequestContext,
    options?: { readonly rebuild?: boolean },
  ): Promise<{ readonly state: 'whole' | 'rebuilt'; readonly tables?: number }>;
  terms(context: RequestContext): Promise<readonly GlossaryTerm[]>;
  putTerm(context: RequestContext, term: Pick<GlossaryTerm, 'name' | 'definition' | 'synonyms'>): Promise<GlossaryTerm>;
  /** All versions of a term, newest first, also of one that is gone. **Errors**: `not_found`. */
  termVersions(context: RequestContext, name: string): Promise<readonly GlossaryTermVersion[]>;
  /** Makes an earlier version the term's newest one. **Errors**: `not_found`. */
  restoreTerm(context: RequestContext, name: string, version: number): Promise<GlossaryTerm>;
  /** **Errors**: `not_found`. */
  deleteTerm(context: RequestContext, name: string): Promise<void>;
}
