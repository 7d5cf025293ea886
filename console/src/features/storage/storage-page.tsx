import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { PageHead } from '../../components/page.tsx';
import { BucketSettings } from './bucket-settings.tsx';
import { Buckets } from './buckets.tsx';
import { Crumbs } from './crumbs.tsx';
import { ObjectPage } from './object-page.tsx';
import { Objects } from './objects.tsx';
import { type Bucket, place } from './storage-types.ts';
import { StoreState } from './store-state.tsx';
import { WhoMay } from './who-may.tsx';

/** Buckets, what is in them, and what they are set to. */
export function StoragePage() {
  const { bucket, prefix, key, tab } = useSearch({ from: '/storage' });
  if (bucket === undefined) return tab === 'state' ? <StoreState /> : <Buckets />;
  if (key !== undefined) return <ObjectPage bucket={bucket} objectKey={key} />;
  return <BucketPage name={bucket} prefix={prefix ?? ''} tab={tab ?? 'objects'} />;
}

const TABS = [
  ['objects', 'Objects'],
  ['settings', 'Settings'],
  ['access', 'Access'],
] as const;

function BucketPage({ name, prefix, tab }: { readonly name: string; readonly prefix: string; readonly tab: string }) {
  const navigate = useNavigate({ from: '/storage' });
  const bucket = useQuery({ queryKey: ['bucket', name], queryFn: () => api.get<Bucket>(at`/buckets/${name}`) });
  return (
    <>
      <PageHead title={name} about={<Crumbs bucket={name} prefix={prefix} />} />
      <div className="tabs" role="tablist">
        {TABS.map(([id, title]) => (
          <button
            key={id}
            type="button"
            role="tab"
            aria-selected={tab === id}
            onClick={() => navigate({ search: place({ bucket: name, prefix: prefix || undefined, tab: id }) })}
          >
            {title}
          </button>
        ))}
      </div>
      {tab === 'settings' && bucket.error !== null && <Failure error={bucket.error} />}
      {tab === 'objects' && <Objects bucket={name} prefix={prefix} />}
      {tab === 'access' && <WhoMay bucket={name} />}
      {tab === 'settings' && bucket.data !== undefined && <BucketSettings bucket={bucket.data} />}
    </>
  );
}
