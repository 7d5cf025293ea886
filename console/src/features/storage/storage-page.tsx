import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';

interface Listing {
  readonly objects: readonly {
    readonly key: string;
    readonly size: number;
    readonly lastModified: number;
    readonly etag: string;
  }[];
  readonly prefixes: readonly string[];
  readonly next?: string;
}

type Entry = { readonly name: string; readonly prefix?: string; readonly size?: number; readonly at?: number };

/** Buckets and what is in them. */
export function StoragePage() {
  const { bucket, prefix } = useSearch({ from: '/storage' });
  return bucket === undefined ? <Buckets /> : <Objects bucket={bucket} prefix={prefix ?? ''} />;
}

function Buckets() {
  const buckets = useQuery({
    queryKey: ['buckets'],
    queryFn: () => api.get<{ buckets: { name: string; createdAt: number }[] }>('/buckets'),
  });
  return (
    <>
      <PageHead title="Storage" about="Buckets. The zones raw, cleaned and curated are buckets of the same names." />
      {buckets.error !== null && <Failure error={buckets.error} />}
      <section className="card">
        <Rows
          rows={buckets.data?.buckets ?? []}
          keyOf={(row) => row.name}
          empty={buckets.isPending ? 'Loading …' : 'There is no bucket that you may see.'}
          columns={[
            {
              title: 'Bucket',
              cell: (row) => (
                <Link to="/storage" search={{ bucket: row.name, prefix: undefined }}>
                  {row.name}
                </Link>
              ),
            },
            { title: 'Made', cell: (row) => when(row.createdAt) },
          ]}
        />
      </section>
    </>
  );
}

function Objects({ bucket, prefix }: { readonly bucket: string; readonly prefix: string }) {
  const listing = useQuery({
    queryKey: ['objects', bucket, prefix],
    queryFn: () =>
      api.get<Listing>(`/objects?bucket=${encodeURIComponent(bucket)}&prefix=${encodeURIComponent(prefix)}`),
  });
  const entries: Entry[] = [
    ...(listing.data?.prefixes ?? []).map((inner) => ({ name: inner.slice(prefix.length), prefix: inner })),
    ...(listing.data?.objects ?? []).map((object) => ({
      name: object.key.slice(prefix.length),
      size: object.size,
      at: object.lastModified,
    })),
  ];
  const parts = prefix.split('/').filter((part) => part !== '');
  return (
    <>
      <PageHead
        title={bucket}
        about={
          <span className="mono">
            <Link to="/storage" search={{ bucket: undefined, prefix: undefined }}>
              buckets
            </Link>
            {' / '}
            <Link to="/storage" search={{ bucket, prefix: undefined }}>
              {bucket}
            </Link>
            {parts.map((part, i) => (
              <span key={parts.slice(0, i + 1).join('/')}>
                {' / '}
                <Link to="/storage" search={{ bucket, prefix: `${parts.slice(0, i + 1).join('/')}/` }}>
                  {part}
                </Link>
              </span>
            ))}
          </span>
        }
      />
      {listing.error !== null && <Failure error={listing.error} />}
      <section className="card">
        <Rows
          rows={entries}
          keyOf={(entry) => entry.name}
          empty={listing.isPending ? 'Loading …' : 'Nothing here.'}
          columns={[
            {
              title: 'Name',
              cell: (entry) =>
                entry.prefix === undefined ? (
                  <span className="mono">{entry.name}</span>
                ) : (
                  <Link className="mono" to="/storage" search={{ bucket, prefix: entry.prefix }}>
                    {entry.name}
                  </Link>
                ),
            },
            { title: 'Size', numeric: true, cell: (entry) => (entry.size === undefined ? '' : bytes(entry.size)) },
            { title: 'Changed', cell: (entry) => (entry.at === undefined ? '' : when(entry.at)) },
          ]}
        />
        {listing.data?.next !== undefined && <p className="sub">More than these; narrow them by opening a folder.</p>}
      </section>
    </>
  );
}
