import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';
import { AliasField } from './alias-field.tsx';
import { KeyPanel } from './key-panel.tsx';
import { type Key, type RefusedKey, rotationOf, stateOf } from './key-types.ts';

interface Page {
  readonly keys: readonly (Key | RefusedKey)[];
  readonly marker?: string;
}

/** Keys of the key service; make one, and of the one chosen: its state, rotation, policy and deletion. */
export function KeysPage() {
  const { id } = useSearch({ from: '/keys' });
  const keys = useInfiniteQuery({
    queryKey: ['keys'],
    initialPageParam: '',
    queryFn: ({ pageParam }) => api.get<Page>(pageParam === '' ? '/keys' : at`/keys?marker=${pageParam}`),
    getNextPageParam: (page) => page.marker,
  });
  const listed = (keys.data?.pages ?? []).flatMap((page) => page.keys);
  return (
    <>
      <PageHead
        title="Keys"
        about="Keys of KMS: they encrypt objects and whatever SDKs ask of them. Their material never leaves Loch."
      />
      {keys.error !== null && <Failure error={keys.error} />}
      <NewKey open={listed.find((key) => key.keyId === id)} />
      {id !== undefined && <KeyPanel key={id} id={id} />}
      <section className="card" aria-label="All keys">
        <Rows
          rows={listed}
          keyOf={(key) => key.keyId}
          empty={
            keys.isPending ? 'Loading …' : keys.error === null ? 'There are no keys yet.' : 'Nothing can be shown.'
          }
          columns={[
            { title: 'Key', cell: (key) => <Name listed={key} open={key.keyId === id} /> },
            { title: 'State', cell: (key) => ('refused' in key ? <Refused listed={key} /> : <KeyState of={key} />) },
            { title: 'Origin', cell: (key) => ('refused' in key ? '' : key.origin) },
            { title: 'Rotation', cell: (key) => ('refused' in key ? '' : rotationOf(key)) },
            { title: 'Description', cell: (key) => ('refused' in key ? '' : key.description) },
            { title: 'Made', cell: (key) => ('refused' in key ? '' : when(key.createdAt)) },
          ]}
        />
        {keys.hasNextPage && (
          <button type="button" disabled={keys.isFetchingNextPage} onClick={() => keys.fetchNextPage()}>
            More keys
          </button>
        )}
      </section>
    </>
  );
}

function Name({ listed, open }: { readonly listed: Key | RefusedKey; readonly open: boolean }) {
  const names = 'refused' in listed ? [] : listed.aliases;
  return (
    <>
      <Link to="/keys" search={{ id: listed.keyId }} {...(open ? { 'aria-current': 'true' } : {})}>
        {names.length === 0 ? 'no alias' : names.join(', ')}
      </Link>
      <div className="sub mono">{listed.keyId}</div>
    </>
  );
}

const Refused = ({ listed }: { readonly listed: RefusedKey }) => <span className="sub">{listed.refused}</span>;

function KeyState({ of: key }: { readonly of: Key }) {
  const [words, tone] = stateOf(key);
  return <span className={`badge ${tone}`}>{words}</span>;
}

function NewKey({ open }: { readonly open: Key | RefusedKey | undefined }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [description, setDescription] = useState('');
  const [alias, setAlias] = useState('');
  const [unnamed, setUnnamed] = useState<{ readonly keyId: string; readonly failure: unknown }>();
  const make = useMutation({
    mutationFn: async () => {
      const key = await api.post<Key>('/keys', { description: description.trim() });
      if (alias.trim() === '') return { key };
      // The key is there, whatever becomes of its name.
      const failure = await api.post(at`/keys/${key.keyId}/alias`, { alias: `alias/${alias.trim()}` }).then(
        () => undefined,
        (error: unknown) => error,
      );
      return { key, failure };
    },
    onSuccess: async ({ key, failure }) => {
      setDescription('');
      setAlias('');
      setUnnamed(failure === undefined ? undefined : { keyId: key.keyId, failure });
      await client.invalidateQueries({ queryKey: ['keys'] });
      await navigate({ to: '/keys', search: { id: key.keyId } });
    },
  });
  const isStillUnnamed =
    unnamed !== undefined && open?.keyId === unnamed.keyId && !('refused' in open) && open.aliases.length === 0;
  return (
    <form
      className="card"
      aria-label="New key"
      onSubmit={(event) => {
        event.preventDefault();
        setUnnamed(undefined);
        make.mutate();
      }}
    >
      {make.error !== null && <Failure error={make.error} />}
      {isStillUnnamed && (
        <>
          <p>The key was made, but it has no alias. Give it another one below.</p>
          <Failure error={unnamed.failure} />
        </>
      )}
      <div className="row">
        <label className="field">
          Description
          <input value={description} onChange={(event) => setDescription(event.target.value)} />
        </label>
        <AliasField value={alias} onChange={setAlias} />
        <button type="submit" className="primary" disabled={make.isPending}>
          Make key
        </button>
      </div>
    </form>
  );
}
