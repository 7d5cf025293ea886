import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count, duration, when } from '../../components/format.ts';
import { PageHead, State } from '../../components/page.tsx';
import { ResultGrid, Rows } from '../../components/rows.tsx';
import type { Mistake } from './sql-editor.tsx';

const SqlEditor = lazy(() => import('./sql-editor.tsx').then((module) => ({ default: module.SqlEditor })));

interface Execution {
  readonly id: string;
  readonly sql: string;
  readonly state: string;
  readonly stateReason?: string;
  readonly submittedAt: number;
  readonly queueMs: number;
  readonly planMs: number;
  readonly runMs: number;
  readonly totalMs: number;
  readonly bytesScanned: number;
  readonly rowCount?: number;
  readonly principalArn: string;
}

interface ResultPage {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly next?: string;
}

const FINAL = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']);

/** Write SQL, run it, watch it, cancel it, page through its rows, download them; and what I asked before. */
export function QueryPage() {
  const search = useSearch({ from: '/query' });
  const navigate = useNavigate({ from: '/query' });
  const [sql, setSql] = useState(search.sql ?? '');
  const schema = useSchema();
  const id = search.id;
  const execution = useQuery({
    queryKey: ['query', id],
    queryFn: () => api.get<Execution>(at`/queries/${id!}`),
    enabled: id !== undefined,
    refetchInterval: (query) => (FINAL.has(query.state.data?.state ?? '') ? false : 150),
  });
  const start = useMutation({
    mutationFn: () => api.post<{ id: string }>('/queries', { sql, dialect: 'athena', database: 'curated' }),
    onSuccess: (started) => navigate({ search: { id: started.id, sql: undefined } }),
  });
  const stop = useMutation({ mutationFn: () => api.post(at`/queries/${id!}/stop`) });
  const asked = execution.data?.sql;
  useEffect(() => {
    if (asked !== undefined) setSql((now: string) => (now === '' ? asked : now));
  }, [asked]);
  const running = execution.data !== undefined && !FINAL.has(execution.data.state);
  const mistake = useMemo(() => mistakeOf(execution.data, sql), [execution.data, sql]);
  const run = () => {
    if (sql.trim() !== '' && !start.isPending) start.mutate();
  };
  return (
    <>
      <PageHead
        title="Query"
        about="Athena's SQL over every table you were granted. Ctrl-Enter runs the statement."
        actions={
          <>
            <button type="button" onClick={() => stop.mutate()} disabled={!running}>
              Cancel
            </button>
            <button
              type="button"
              className="primary"
              onClick={run}
              disabled={sql.trim() === '' || start.isPending || running}
            >
              Run
            </button>
          </>
        }
      />
      <Suspense fallback={<p className="empty">Loading the editor …</p>}>
        <SqlEditor value={sql} schema={schema} mistake={mistake} onChange={setSql} onRun={run} />
      </Suspense>
      <p />
      {start.error !== null && <Failure error={start.error} />}
      {execution.error !== null && <Failure error={execution.error} />}
      {execution.data !== undefined && <Outcome execution={execution.data} />}
      <Recent
        onOpen={(entry) => {
          setSql(entry.sql);
          void navigate({ search: { id: entry.id, sql: undefined } });
        }}
        seen={execution.data?.state}
      />
    </>
  );
}

/** The place that a failed statement's reason names, as long as the editor holds that statement. */
function mistakeOf(execution: Execution | undefined, sql: string): Mistake | undefined {
  if (execution?.state !== 'FAILED' || execution.sql !== sql) return undefined;
  const place = /\bline (\d+):(\d+)/.exec(execution.stateReason ?? '');
  return place === null ? undefined : { line: Number(place[1]), column: Number(place[2]) };
}

function useSchema(): Record<string, readonly string[]> {
  const databases = useQuery({
    queryKey: ['databases'],
    queryFn: () => api.get<{ databases: { name: string }[] }>('/databases'),
    staleTime: 30_000,
  });
  const names = databases.data?.databases.map((database) => database.name) ?? [];
  const tables = useQuery({
    queryKey: ['schema', names],
    queryFn: () =>
      Promise.all(
        names.map((name) =>
          api.get<{ tables: { name: string; database: string; columns: { name: string }[] }[] }>(
            at`/databases/${name}/tables`,
          ),
        ),
      ),
    enabled: names.length > 0,
    staleTime: 30_000,
  });
  return useMemo(() => {
    const all = tables.data?.flatMap((page) => page.tables) ?? [];
    return Object.fromEntries(
      all.map((table) => [`${table.database}.${table.name}`, table.columns.map((column) => column.name)]),
    );
  }, [tables.data]);
}

function Outcome({ execution }: { readonly execution: Execution }) {
  return (
    <section className="card" aria-live="polite">
      <div className="spread">
        <div className="row">
          <State state={execution.state} />
          <span className="sub">
            queued {duration(execution.queueMs)} · planned {duration(execution.planMs)} · ran{' '}
            {duration(execution.runMs)} · scanned {bytes(execution.bytesScanned)}
            {execution.rowCount !== undefined && <> · {count(execution.rowCount)} rows</>}
          </span>
        </div>
        {execution.state === 'SUCCEEDED' && (
          <a className="button" href={`/api${at`/queries/${execution.id}/download`}`}>
            Download CSV
          </a>
        )}
      </div>
      {execution.state === 'FAILED' && <Failure error={new Error(execution.stateReason ?? 'The statement failed.')} />}
      {execution.state === 'SUCCEEDED' && <Results id={execution.id} />}
    </section>
  );
}

function Results({ id }: { readonly id: string }) {
  const pages = useInfiniteQuery({
    queryKey: ['results', id],
    queryFn: ({ pageParam }) =>
      api.get<ResultPage>(
        `${at`/queries/${id}/results`}?limit=200${pageParam === '' ? '' : `&next=${encodeURIComponent(pageParam)}`}`,
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (pages.isPending) return <p className="empty">Fetching rows …</p>;
  if (pages.error) return <Failure error={pages.error} />;
  const rows = pages.data.pages.flatMap((page) => page.rows);
  if (rows.length === 0) return <p className="empty">The statement gave no rows.</p>;
  return (
    <>
      <ResultGrid columns={pages.data.pages[0]!.columns} rows={rows} />
      {pages.hasNextPage && (
        <p>
          <button type="button" onClick={() => pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
            More rows
          </button>
        </p>
      )}
    </>
  );
}

function Recent({ onOpen, seen }: { readonly onOpen: (entry: Execution) => void; readonly seen: string | undefined }) {
  const recent = useQuery({
    queryKey: ['queries', seen],
    queryFn: () => api.get<{ queries: Execution[] }>('/queries'),
  });
  if (recent.error) return <Failure error={recent.error} />;
  return (
    <section className="card">
      <h2>Asked before</h2>
      <Rows
        rows={recent.data?.queries ?? []}
        keyOf={(row) => row.id}
        empty={
          <>
            Nothing asked yet. Find a table in the{' '}
            <Link to="/catalog" search={{ q: undefined, database: undefined }}>
              catalog
            </Link>
            , or run <code>SHOW TABLES IN curated</code>.
          </>
        }
        columns={[
          { title: 'When', cell: (row) => when(row.submittedAt) },
          {
            title: 'Statement',
            cell: (row) => (
              <button type="button" className="mono" style={{ textAlign: 'left' }} onClick={() => onOpen(row)}>
                {row.sql.length > 120 ? `${row.sql.slice(0, 120)}…` : row.sql}
              </button>
            ),
          },
          { title: 'State', cell: (row) => <State state={row.state} /> },
          { title: 'Rows', numeric: true, cell: (row) => count(row.rowCount) },
          { title: 'Took', numeric: true, cell: (row) => duration(row.totalMs) },
        ]}
      />
    </section>
  );
}
