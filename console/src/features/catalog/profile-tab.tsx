import { useQuery } from '@tanstack/react-query';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { count } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';

interface ColumnProfile {
  readonly name: string;
  readonly type: string;
  readonly nulls: number;
  readonly nullShare: number;
  readonly distinct?: number;
  readonly min?: string;
  readonly max?: string;
  readonly top: readonly { readonly value: string; readonly count: number }[];
  readonly masked: boolean;
}

interface TableProfile {
  readonly rows: number;
  readonly exact: boolean;
  readonly columns: readonly ColumnProfile[];
  readonly left: number;
}

/** What the columns look like, counted over the rows that the viewer may see. */
export function ProfileTab({ name }: { readonly name: { readonly database: string; readonly table: string } }) {
  const profile = useQuery({
    queryKey: ['profile', name],
    queryFn: () => api.get<TableProfile>(at`/tables/${name.database}/${name.table}/profile`),
    staleTime: 60_000,
  });
  if (profile.error) return <Failure error={profile.error} />;
  if (profile.isPending) return <p className="empty">Counting …</p>;
  const { rows, columns, left } = profile.data;
  return (
    <>
      <p className="sub">
        Over {count(rows)} rows, as your grants show them.
        {!profile.data.exact && ' Numbers of different values are estimates.'}
        {left > 0 && ` ${left} columns are not shown: hidden from you, or beyond the first forty.`}
      </p>
      <Rows
        rows={columns}
        keyOf={(column) => column.name}
        empty="No columns that you may see."
        columns={[
          {
            title: 'Column',
            cell: (column) => (
              <>
                <span className="mono">{column.name}</span> <span className="sub">{column.type}</span>
                {column.masked && <span className="badge">masked</span>}
              </>
            ),
          },
          { title: 'Null', numeric: true, cell: (column) => <Share share={column.nullShare} /> },
          {
            title: 'Different',
            numeric: true,
            cell: (column) => (column.distinct === undefined ? '–' : count(column.distinct)),
          },
          { title: 'Least', cell: (column) => <span className="mono">{column.min ?? '–'}</span> },
          { title: 'Greatest', cell: (column) => <span className="mono">{column.max ?? '–'}</span> },
          { title: 'Most frequent', cell: (column) => <Top column={column} rows={rows} /> },
        ]}
      />
    </>
  );
}

const percent = (share: number) =>
  share === 0 ? '0 %' : share < 0.001 ? '< 0.1 %' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

function Share({ share }: { readonly share: number }) {
  return (
    <span className="share" title={percent(share)}>
      <span className="bar" style={{ width: `${Math.round(share * 100)}%` }} />
      <span>{percent(share)}</span>
    </span>
  );
}

function Top({ column, rows }: { readonly column: ColumnProfile; readonly rows: number }) {
  if (column.masked) return <span className="sub">values are masked for you</span>;
  if (column.top.length === 0) return <span className="sub">–</span>;
  return (
    <span className="tops">
      {column.top.map(({ value, count: times }) => (
        <span key={value} className="badge" title={`${count(times)} rows`}>
          <span className="mono">{value === '' ? '(empty)' : value}</span> {percent(times / rows)}
        </span>
      ))}
    </span>
  );
}
