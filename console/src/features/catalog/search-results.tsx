import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { count, when } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';

const FACETS = [
  ['database', 'Database'],
  ['owner', 'Owner'],
  ['steward', 'Steward'],
  ['sensitivity', 'Sensitivity'],
  ['term', 'Term'],
  ['tag', 'Tag'],
  ['format', 'Format'],
] as const;
type Facet = (typeof FACETS)[number][0];

/** Values chosen by facet. */
export type Filters = Partial<Readonly<Record<Facet, readonly string[]>>>;

interface Hit {
  readonly database: string;
  readonly table: string;
  readonly description?: string;
  readonly format: string;
  readonly columns: readonly string[];
  readonly owner?: string;
  readonly sensitivity?: string;
  readonly terms: readonly string[];
  readonly tags: readonly string[];
  readonly updatedAt: number;
}

interface Answer {
  readonly hits: readonly Hit[];
  readonly total: number;
  readonly more: boolean;
  readonly facets: Readonly<Record<Facet, readonly { readonly value: string; readonly count: number }[]>>;
}

const MOST_VALUES = 8;

/** Filters from the address bar: `owner:Sales|Risk,format:csv` with each part encoded. */
export function filtersOf(text: string | undefined): Filters {
  const filters: Partial<Record<Facet, string[]>> = {};
  for (const part of (text ?? '').split(',')) {
    const [facet, values = ''] = part.split(':');
    if (FACETS.some(([known]) => known === facet) && values !== '') {
      filters[facet as Facet] = values.split('|').map(decodeURIComponent);
    }
  }
  return filters;
}

/** The same as text; undefined for none. */
export function filterText(filters: Filters): string | undefined {
  const parts = FACETS.flatMap(([facet]) => {
    const values = filters[facet] ?? [];
    return values.length === 0 ? [] : [`${facet}:${values.map(encodeURIComponent).join('|')}`];
  });
  return parts.length === 0 ? undefined : parts.join(',');
}

/** Hits beside the facets they fall into. */
export function SearchResults({
  text,
  filters,
  onFilters,
}: {
  readonly text: string;
  readonly filters: Filters;
  readonly onFilters: (filters: Filters) => void;
}) {
  const query = new URLSearchParams({ q: text });
  for (const [facet] of FACETS) for (const value of filters[facet] ?? []) query.append(facet, value);
  const search = useQuery({
    queryKey: ['browse', query.toString()],
    queryFn: () => api.get<Answer>(`/browse?${query.toString()}`),
    placeholderData: keepPreviousData,
  });
  if (search.error) return <Failure error={search.error} />;
  if (search.isPending) return <p className="empty">Searching …</p>;
  const { hits, total, more, facets } = search.data;
  return (
    <div className="found">
      <aside aria-label="Narrow down">
        <FacetLists facets={facets} filters={filters} onFilters={onFilters} />
      </aside>
      <section className="card" data-testid="hits">
        <p className="sub" role="status">
          {more
            ? `More than ${count(total)} tables; the best are shown.`
            : `${count(total)} ${total === 1 ? 'table' : 'tables'}`}
        </p>
        <Rows
          rows={hits}
          keyOf={(hit) => `${hit.database}.${hit.table}`}
          empty={
            text === ''
              ? 'No table you may see has all of these.'
              : `No table you may see has all of these words: ${text}`
          }
          columns={[
            {
              title: 'Table',
              cell: (hit) => (
                <>
                  <Link to="/catalog/$database/$table" params={{ database: hit.database, table: hit.table }}>
                    {hit.database}.{hit.table}
                  </Link>
                  {hit.description !== undefined && <div className="sub">{hit.description}</div>}
                </>
              ),
            },
            { title: 'Format', cell: (hit) => <span className="badge">{hit.format}</span> },
            { title: 'Columns that match', cell: (hit) => <span className="mono">{hit.columns.join(', ')}</span> },
            { title: 'Owner', cell: (hit) => hit.owner ?? '–' },
            {
              title: 'Words',
              cell: (hit) => (
                <span className="tops">
                  {[...(hit.sensitivity === undefined ? [] : [hit.sensitivity]), ...hit.terms, ...hit.tags].map(
                    (one) => (
                      <span key={one} className="badge">
                        {one}
                      </span>
                    ),
                  )}
                </span>
              ),
            },
            { title: 'Changed', cell: (hit) => when(hit.updatedAt) },
          ]}
        />
      </section>
    </div>
  );
}

function FacetLists({
  facets,
  filters,
  onFilters,
}: {
  readonly facets: Answer['facets'];
  readonly filters: Filters;
  readonly onFilters: (filters: Filters) => void;
}) {
  const toggle = (facet: Facet, value: string) => {
    const chosen = filters[facet] ?? [];
    const next = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
    onFilters({ ...filters, [facet]: next });
  };
  return (
    <>
      {FACETS.map(([facet, title]) => {
        const chosen = filters[facet] ?? [];
        const counted = facets[facet].slice(0, MOST_VALUES);
        const gone = chosen.filter((value) => !counted.some((one) => one.value === value));
        const values = [...counted, ...gone.map((value) => ({ value, count: 0 }))];
        if (values.length === 0) return null;
        return (
          <fieldset key={facet} className="facet">
            <legend>{title}</legend>
            {values.map(({ value, count: times }) => (
              <label key={value}>
                <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(facet, value)} />
                <span>{value}</span>
                <span className="sub">{count(times)}</span>
              </label>
            ))}
          </fieldset>
        );
      })}
      {filterText(filters) !== undefined && (
        <button type="button" onClick={() => onFilters({})}>
          Clear filters
        </button>
      )}
    </>
  );
}
