import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';
import { type Bucket, place } from './storage-types.ts';

/** The buckets one may list; make one, delete an empty one. */
export function Buckets() {
  const client = useQueryClient();
  const buckets = useQuery({ queryKey: ['buckets'], queryFn: () => api.get<{ buckets: Bucket[] }>('/buckets') });
  const refresh = () => client.invalidateQueries({ queryKey: ['buckets'] });
  const remove = useMutation({
    mutationFn: (name: string) => api.delete(at`/buckets/${name}`),
    onSuccess: refresh,
  });
  return (
    <>
      <PageHead
        title="Storage"
        about="Buckets and what lies in them. Zones are buckets, or folders of them, as the settings say."
        actions={
          <Link className="button" to="/storage" search={place({ tab: 'state' })}>
            State of the store
          </Link>
        }
      />
      {buckets.error !== null && <Failure error={buckets.error} />}
      {remove.error !== null && <Failure error={remove.error} />}
      <NewBucket onMade={refresh} />
      <section className="card">
        <Rows
          rows={buckets.data?.buckets ?? []}
          keyOf={(row) => row.name}
          empty={buckets.isPending ? 'Loading …' : 'There is no bucket that you may see.'}
          columns={[
            {
              title: 'Bucket',
              cell: (row) => (
                <Link to="/storage" search={place({ bucket: row.name })}>
                  {row.name}
                </Link>
              ),
            },
            { title: 'Versions', cell: (row) => row.versioning?.toLowerCase() ?? 'not kept' },
            { title: 'Lock', cell: (row) => (row.objectLock ? 'possible' : '') },
            { title: 'Owner', cell: (row) => <span className="mono">{row.ownerAccountId}</span> },
            { title: 'Made', cell: (row) => when(row.createdAt) },
            {
              title: '',
              cell: (row) => (
                <button
                  type="button"
                  className="danger"
                  aria-label={`Delete bucket ${row.name}`}
                  onClick={() => remove.mutate(row.name)}
                >
                  Delete
                </button>
              ),
            },
          ]}
        />
      </section>
    </>
  );
}

function NewBucket({ onMade }: { readonly onMade: () => void }) {
  const [name, setName] = useState('');
  const [objectLock, setObjectLock] = useState(false);
  const make = useMutation({
    mutationFn: () => api.post<Bucket>('/buckets', { name: name.trim(), objectLock }),
    onSuccess: () => {
      setName('');
      onMade();
    },
  });
  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      {make.error !== null && <Failure error={make.error} />}
      <div className="row">
        <label className="field">
          New bucket
          <input value={name} onChange={(event) => setName(event.target.value)} placeholder="letters-2026" />
        </label>
        <label className="row">
          <input type="checkbox" checked={objectLock} onChange={(event) => setObjectLock(event.target.checked)} />
          versions may be locked
        </label>
        <button type="submit" className="primary" disabled={name.trim() === '' || make.isPending}>
          Make bucket
        </button>
      </div>
    </form>
  );
}
