import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';
import { filtersOf, filterText, SearchResults } from './search-results.tsx';

interface TableEntry {
  readonly database: string;
  readonly name: string;
  readonly format: string;
  readonly description?: string;
  readonly columns: readonly unknown[];
  readonly updatedAt: number;
  readonly version: number;
}

/** Databases and their tables, and search over technical and business words with facets. */
export function CatalogPage() {
  const { q, database, filters: chosen } = useSearch({ from: '/catalog' });
  const filters = filtersOf(chosen);
  const navigate = useNavigate({ from: '/catalog' });
  return (
    <>
      <PageHead
        title="Catalog"
        about="Every table you may see, whichever door made it."
        actions={
          <>
            <Link className="button" to="/crawlers" search={{ name: undefined }}>
              Crawlers
            </Link>
            <Link className="button" to="/dropped">
              Dropped tables
            </Link>
          </>
        }
      />
      <p>
        <input
          type="search"
          aria-label="Search tables, columns and what they mean"
          placeholder="Search tables, columns, owners and terms, e.g. customer email"
          style={{ width: '100%' }}
          value={q ?? ''}
          onChange={(event) =>
            navigate({ search: { q: event.target.value || undefined, database, filters: chosen }, replace: true })
          }
        />
      </p>
      {q === undefined && chosen === undefined ? (
        <>
          <p>
            <Link to="/catalog" search={{ q: '', database, filters: undefined }}>
              Browse by owner, sensitivity, terms and format
            </Link>
          </p>
          <Databases selected={database} />
        </>
      ) : (
        <SearchResults
          text={q ?? ''}
          filters={filters}
          onFilters={(next) => navigate({ search: { q: q ?? '', database, filters: filterText(next) } })}
        />
      )}
    </>
  );
}

function Databases({ selected }: { readonly selected: string | undefined }) {
  const databases = useQuery({
    queryKey: ['databases'],
    queryFn: () => api.get<{ databases: { name: string; description?: string }[] }>('/databases'),
  });
  if (databases.error) return <Failure error={databases.error} />;
  if (databases.isPending) return <p className="empty">Loading …</p>;
  const names = databases.data.databases.map((database) => database.name);
  if (names.length === 0) {
    return (
      <div className="card empty">
        There is no database you may see. <Link to="/ingestion">Upload a file</Link> to make the first table, or ask for
        a grant.
      </div>
    );
  }
  return (
    <>
      {(selected === undefined ? names : names.filter((name) => name === selected)).map((name) => (
        <Tables key={name} database={name} />
      ))}
    </>
  );
}

function Tables({ database }: { readonly database: string }) {
  const tables = useQuery({
    queryKey: ['tables', database],
    queryFn: () => api.get<{ tables: TableEntry[] }>(at`/databases/${database}/tables`),
  });
  return (
    <section className="card">
      <h2>{database}</h2>
      {tables.error !== null && <Failure error={tables.error} />}
      {tables.data !== undefined && (
        <Rows
          rows={tables.data.tables}
          keyOf={(table) => table.name}
          empty="No table here that you may see."
          columns={[
            { title: 'Table', cell: (table) => <TableLink database={database} table={table.name} /> },
            { title: 'Format', cell: (table) => <span className="badge">{table.format}</span> },
            { title: 'Columns', numeric: true, cell: (table) => table.columns.length },
            { title: 'Version', numeric: true, cell: (table) => table.version },
            { title: 'Changed', cell: (table) => when(table.updatedAt) },
            { title: 'Description', cell: (table) => table.description ?? '' },
          ]}
        />
      )}
    </section>
  );
}

function TableLink({ database, table }: { readonly database: string; readonly table: string }) {
  return (
    <Link to="/catalog/$database/$table" params={{ database, table }}>
      {database}.{table}
    </Link>
  );
}
