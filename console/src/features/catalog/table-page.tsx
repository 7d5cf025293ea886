import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { count, when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { ResultGrid, Rows } from '../../components/rows.tsx';
import { FilesTab } from './files-tab.tsx';
import { ProfileTab } from './profile-tab.tsx';
import { VersionsTab } from './versions-tab.tsx';
import { WordsForm } from './words-form.tsx';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly comment?: string;
}

/** A table as the console's API gives it. */
export interface TableRecord {
  readonly database: string;
  readonly name: string;
  readonly format: string;
  readonly description?: string;
  readonly owner?: string;
  readonly columns: readonly Column[];
  readonly partitionKeys: readonly Column[];
  readonly storage: { readonly location: string };
  readonly parameters: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly createdBy: string;
  readonly version: number;
  readonly updatedBy?: string;
  readonly updatedThrough?: string;
}

interface TableDetail {
  readonly table: TableRecord;
  readonly versions: readonly TableRecord[];
  readonly partitions: readonly {
    readonly values: readonly string[];
    readonly location: string;
    readonly createdAt: number;
  }[];
  readonly snapshots: readonly {
    readonly snapshotId: string;
    readonly at: number;
    readonly operation: string;
    readonly summary: Readonly<Record<string, string>>;
  }[];
}

const TABS = [
  'Preview',
  'Schema',
  'Profile',
  'Lineage',
  'Partitions',
  'Snapshots',
  'Files',
  'Versions',
  'About',
] as const;
const LineageTab = lazy(() => import('./lineage-tab.tsx'));

/** One table: a preview under the viewer's grants, schema, partitions, snapshots, versions. */
export function TablePage() {
  const name = useParams({ from: '/catalog/$database/$table' });
  const [tab, setTab] = useState<(typeof TABS)[number]>('Preview');
  const detail = useQuery({
    queryKey: ['table', name],
    queryFn: () => api.get<TableDetail>(at`/tables/${name.database}/${name.table}`),
  });
  if (detail.error) return <Failure error={detail.error} />;
  if (detail.isPending) return <p className="empty">Loading …</p>;
  const { table, versions, partitions, snapshots } = detail.data;
  const sql = `SELECT *\nFROM "${table.database}"."${table.name}"\nLIMIT 100`;
  return (
    <>
      <PageHead
        title={`${table.database}.${table.name}`}
        about={table.description ?? `${table.format} table of ${table.columns.length} columns`}
        actions={
          <>
            <Link className="button" to="/query" search={{ sql, id: undefined }}>
              Query
            </Link>
            <Drop table={table} />
          </>
        }
      />
      <section className="card" aria-label="What people say of it">
        <WordsForm table={table} />
      </section>
      <div className="tabs" role="tablist">
        {TABS.map((title) => (
          <button key={title} type="button" role="tab" aria-selected={tab === title} onClick={() => setTab(title)}>
            {title}
          </button>
        ))}
      </div>
      <section className="card" role="tabpanel">
        {tab === 'Preview' && <Preview name={name} />}
        {tab === 'Schema' && <Schema columns={[...table.columns, ...table.partitionKeys]} keys={table.partitionKeys} />}
        {tab === 'Profile' && <ProfileTab name={name} />}
        {tab === 'Lineage' && (
          <Suspense fallback={<p className="empty">Loading …</p>}>
            <LineageTab name={name} />
          </Suspense>
        )}
        {tab === 'Files' &&
          (table.format === 'iceberg' ? (
            <FilesTab name={name} />
          ) : (
            <p className="empty">
              The files of this table are what lies at <span className="mono">{table.storage.location}</span>.
            </p>
          ))}
        {tab === 'Partitions' && (
          <Rows
            rows={partitions}
            keyOf={(partition) => partition.values.join('/')}
            empty={
              table.format === 'iceberg'
                ? 'Iceberg tables keep their partitions in the metadata of their files; see Snapshots.'
                : 'This table has no partitions.'
            }
            columns={[
              {
                title: 'Values',
                cell: (partition) => (
                  <span className="mono">
                    {partition.values.map((value, i) => `${table.partitionKeys[i]?.name}=${value}`).join('/')}
                  </span>
                ),
              },
              { title: 'Location', cell: (partition) => <span className="mono">{partition.location}</span> },
              { title: 'Added', cell: (partition) => when(partition.createdAt) },
            ]}
          />
        )}
        {tab === 'Snapshots' && (
          <Rows
            rows={[...snapshots].reverse()}
            keyOf={(snapshot) => snapshot.snapshotId}
            empty={table.format === 'iceberg' ? 'Nothing was committed yet.' : 'Only Iceberg tables have snapshots.'}
            columns={[
              { title: 'Snapshot', cell: (snapshot) => <span className="mono">{snapshot.snapshotId}</span> },
              { title: 'When', cell: (snapshot) => when(snapshot.at) },
              { title: 'Operation', cell: (snapshot) => snapshot.operation },
              {
                title: 'Rows added',
                numeric: true,
                cell: (snapshot) => count(Number(snapshot.summary['added-records'] ?? 0)),
              },
              {
                title: 'Rows',
                numeric: true,
                cell: (snapshot) => count(Number(snapshot.summary['total-records'] ?? 0)),
              },
              { title: 'Files', numeric: true, cell: (snapshot) => snapshot.summary['total-data-files'] ?? '' },
              {
                title: '',
                cell: (snapshot) => (
                  <Link
                    to="/query"
                    search={{
                      sql: `SELECT *\nFROM "${table.database}"."${table.name}" FOR VERSION AS OF ${snapshot.snapshotId}\nLIMIT 100`,
                      id: undefined,
                    }}
                  >
                    Query as of then
                  </Link>
                ),
              },
            ]}
          />
        )}
        {tab === 'Versions' && <VersionsTab table={table} versions={versions} />}
        {tab === 'About' && <About table={table} />}
      </section>
    </>
  );
}

function Preview({ name }: { readonly name: { readonly database: string; readonly table: string } }) {
  const preview = useQuery({
    queryKey: ['preview', name],
    queryFn: () =>
      api.get<{ error?: string; columns?: { name: string; type: string }[]; rows?: (string | null)[][] }>(
        at`/tables/${name.database}/${name.table}/preview`,
      ),
  });
  if (preview.error) return <Failure error={preview.error} />;
  if (preview.isPending) return <p className="empty">Reading rows …</p>;
  const { error, columns, rows } = preview.data;
  if (error !== undefined) return <Failure error={new Error(error)} />;
  if (rows === undefined || rows.length === 0) return <p className="empty">No rows that you may see.</p>;
  return (
    <>
      <p className="sub">The first {rows.length} rows, as your grants show them.</p>
      <ResultGrid columns={columns ?? []} rows={rows} />
    </>
  );
}

function Schema({ columns, keys }: { readonly columns: readonly Column[]; readonly keys: readonly Column[] }) {
  const partitioned = new Set(keys.map((key) => key.name));
  return (
    <Rows
      rows={columns}
      keyOf={(column) => column.name}
      empty="No columns that you may see."
      columns={[
        { title: 'Column', cell: (column) => <span className="mono">{column.name}</span> },
        { title: 'Type', cell: (column) => <span className="mono">{column.type}</span> },
        {
          title: '',
          cell: (column) => (partitioned.has(column.name) ? <span className="badge">partition key</span> : null),
        },
        { title: 'Comment', cell: (column) => column.comment ?? '' },
      ]}
    />
  );
}

function About({ table }: { readonly table: TableRecord }) {
  const facts: [string, string][] = [
    ['Location', table.storage.location],
    ['Format', table.format],
    ['Owner', table.owner ?? '–'],
    ['Made by', table.createdBy],
    ['Made', when(table.createdAt)],
    ['Changed', when(table.updatedAt)],
    ...Object.entries(table.parameters),
  ];
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd className="mono">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Drop({ table }: { readonly table: TableRecord }) {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const drop = useMutation({
    mutationFn: () => api.delete(at`/tables/${table.database}/${table.name}`),
    onSuccess: async () => {
      await client.invalidateQueries();
      await navigate({ to: '/dropped' });
    },
  });
  if (!asking) {
    return (
      <button type="button" className="danger" onClick={() => setAsking(true)}>
        Drop
      </button>
    );
  }
  return (
    <span className="row">
      {drop.error !== null && <Failure error={drop.error} />}
      <span>It can be restored for 7 days.</span>
      <button type="button" className="danger" onClick={() => drop.mutate()} disabled={drop.isPending}>
        Drop {table.name}
      </button>
      <button type="button" onClick={() => setAsking(false)}>
        Keep
      </button>
    </span>
  );
}
