import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { bytes, count, when } from '../../components/format.ts';
import { Rows } from '../../components/rows.tsx';
import type { Key, KeyImpact } from './key-types.ts';

/** Deletion of a key: what would be lost with it, then the waiting time; or its call back. */
export function KeyDeletion({ of: key }: { readonly of: Key }) {
  const client = useQueryClient();
  const { keyId } = key;
  const [isAsked, setAsked] = useState(false);
  const [days, setDays] = useState('30');
  const impact = useQuery({
    queryKey: ['key-impact', keyId],
    queryFn: () => api.get<KeyImpact>(at`/keys/${keyId}/impact`),
    enabled: isAsked,
    staleTime: 0,
    gcTime: 0,
  });
  const change = useMutation({
    mutationFn: (call: () => Promise<unknown>) => call(),
    onSuccess: () => {
      setAsked(false);
      return client.invalidateQueries({ queryKey: ['keys'] });
    },
  });
  if (key.state === 'PendingDeletion') {
    return (
      <section className="card stack" aria-label="Deletion">
        <h2>Deletion</h2>
        {change.error !== null && <Failure error={change.error} />}
        <div className="spread">
          <span>
            The key is destroyed on <b>{when(key.deletionAt)}</b>. Until then nothing under it can be read, and it can
            be called back.
          </span>
          <button
            type="button"
            disabled={change.isPending}
            onClick={() => change.mutate(() => api.delete(at`/keys/${keyId}/deletion`))}
          >
            Cancel deletion
          </button>
        </div>
      </section>
    );
  }
  return (
    <section className="card stack" aria-label="Deletion">
      <h2>Deletion</h2>
      {[impact, change].map((step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />)}
      {isAsked && impact.isFetching && <p className="empty">Counting …</p>}
      {!isAsked || impact.error !== null ? (
        <div className="spread">
          <span>What is encrypted under a key is lost with it, for good.</span>
          <button type="button" onClick={() => (isAsked ? void impact.refetch() : setAsked(true))}>
            See what would be lost
          </button>
        </div>
      ) : (
        impact.data !== undefined &&
        !impact.isFetching && (
          <>
            <Impact of={impact.data} />
            <form
              className="row"
              onSubmit={(event) => {
                event.preventDefault();
                change.mutate(() => api.post(at`/keys/${keyId}/deletion`, { days: Number(days) }));
              }}
            >
              <label className="field">
                Days to wait, 7 to 30
                <input
                  type="number"
                  required
                  min={7}
                  max={30}
                  value={days}
                  onChange={(event) => setDays(event.target.value)}
                />
              </label>
              <button type="submit" className="danger" disabled={change.isPending}>
                Schedule deletion
              </button>
              <button type="button" onClick={() => setAsked(false)}>
                Keep the key
              </button>
            </form>
          </>
        )
      )}
    </section>
  );
}

function Impact({ of: { buckets, hidden } }: { readonly of: KeyImpact }) {
  return (
    <>
      <Rows
        rows={buckets}
        keyOf={(row) => row.bucket}
        empty={
          hidden === 0
            ? 'No object in any bucket is encrypted under this key.'
            : 'No object is encrypted under this key in the buckets that you may look into.'
        }
        columns={[
          { title: 'Bucket', cell: (row) => row.bucket },
          {
            title: 'Objects, each version counted',
            numeric: true,
            cell: (row) => `${row.cut ? 'at least ' : ''}${count(row.versions)}`,
          },
          { title: 'Size', numeric: true, cell: (row) => `${row.cut ? 'at least ' : ''}${bytes(row.bytes)}` },
          { title: '', cell: (row) => (row.isDefault ? 'encrypts its new objects under this key' : '') },
        ]}
      />
      {hidden > 0 && (
        <p className="bad">
          {count(hidden)} more {hidden === 1 ? 'bucket was' : 'buckets were'} not looked into: you may not list{' '}
          {hidden === 1 ? 'its' : 'their'} versions.
        </p>
      )}
      <p className="sub">Not counted: uploads that are not completed, and what clients encrypted themselves.</p>
    </>
  );
}
