import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, at } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { AliasField } from './alias-field.tsx';
import { KeyDeletion } from './key-deletion.tsx';
import { canRotate, type Key, rotationOf, stateOf } from './key-types.ts';

/** One key: what it is, and what can be done with it. */
export function KeyPanel({ id }: { readonly id: string }) {
  const key = useQuery({ queryKey: ['keys', id], queryFn: () => api.get<Key>(at`/keys/${id}`) });
  if (key.error !== null) {
    return (
      <section className="card" aria-label="Key">
        <Failure error={key.error} />
        <Link to="/keys" search={{ id: undefined }}>
          Close
        </Link>
      </section>
    );
  }
  if (key.data === undefined) return <p className="empty">Loading …</p>;
  const isMine = key.data.manager === 'CUSTOMER';
  return (
    <>
      <section className="card stack" aria-label="Key">
        <div className="spread">
          <h2>{key.data.aliases.join(', ') || 'Key without alias'}</h2>
          <Link to="/keys" search={{ id: undefined }}>
            Close
          </Link>
        </div>
        <Facts of={key.data} />
        {isMine ? (
          <Actions of={key.data} />
        ) : (
          <p className="sub">A service of the lake made this key for itself. Nobody changes or deletes it.</p>
        )}
        <PolicyOf id={id} />
      </section>
      {isMine && <KeyDeletion of={key.data} />}
    </>
  );
}

function Facts({ of: key }: { readonly of: Key }) {
  const [words, tone] = stateOf(key);
  const { nextAt } = key.rotation;
  return (
    <dl className="facts">
      <dt>State</dt>
      <dd>
        <span className={`badge ${tone}`}>{words}</span>
      </dd>
      <dt>ARN</dt>
      <dd className="mono">{key.arn}</dd>
      <dt>Description</dt>
      <dd>{key.description || '–'}</dd>
      <dt>Kind</dt>
      <dd>
        {key.spec}, {key.usage}
      </dd>
      <dt>Origin</dt>
      <dd>{key.origin}</dd>
      <dt>Rotation</dt>
      <dd>
        {rotationOf(key)}
        {nextAt === undefined ? '' : `; next ${when(nextAt)}`}
      </dd>
      <dt>Made</dt>
      <dd>{when(key.createdAt)}</dd>
      <dt>Last used</dt>
      <dd>{key.lastUsedAt === undefined ? 'not yet' : `${when(key.lastUsedAt)} ${key.lastUsedFor ?? ''}`}</dd>
    </dl>
  );
}

function Actions({ of: key }: { readonly of: Key }) {
  const client = useQueryClient();
  const [alias, setAlias] = useState('');
  const [done, setDone] = useState<string>();
  const act = useMutation({
    mutationFn: ({ call }: { readonly call: () => Promise<unknown>; readonly said: string }) => call(),
    onMutate: () => setDone(undefined),
    onSuccess: (_, { said }) => {
      setDone(said);
      setAlias('');
      return client.invalidateQueries({ queryKey: ['keys'] });
    },
  });
  const { keyId } = key;
  const button = (name: string, said: string, call: () => Promise<unknown>, isOff = false) => (
    <button type="button" disabled={act.isPending || isOff} onClick={() => act.mutate({ call, said })}>
      {name}
    </button>
  );
  const isOff = key.state !== 'Enabled';
  return (
    <>
      <div className="row">
        {key.state === 'Disabled' && button('Enable', 'Enabled.', () => api.post(at`/keys/${keyId}/enable`))}
        {key.state === 'Enabled' &&
          button('Disable', 'Disabled: nothing under it can be read until it is enabled again.', () =>
            api.post(at`/keys/${keyId}/disable`),
          )}
        {canRotate(key) &&
          button(
            'Rotate now',
            'Rotated: new uses have new material, old ones are still read.',
            () => api.post(at`/keys/${keyId}/rotate`),
            isOff,
          )}
        {canRotate(key) &&
          (key.rotation.enabled
            ? button(
                'Stop rotating',
                'It rotates no more by itself.',
                () => api.delete(at`/keys/${keyId}/rotation`),
                isOff,
              )
            : button(
                'Rotate every year',
                'It rotates by itself.',
                () => api.put(at`/keys/${keyId}/rotation`, { periodDays: 365 }),
                isOff,
              ))}
      </div>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          const call = () => api.post(at`/keys/${keyId}/alias`, { alias: `alias/${alias.trim()}` });
          act.mutate({ call, said: 'It has the alias.' });
        }}
      >
        <AliasField value={alias} onChange={setAlias} />
        <button type="submit" disabled={alias.trim() === '' || act.isPending}>
          Give alias
        </button>
      </form>
      {done !== undefined && (
        <p className="sub" role="status">
          {done}
        </p>
      )}
      {act.error !== null && <Failure error={act.error} />}
    </>
  );
}

function PolicyOf({ id }: { readonly id: string }) {
  const [isOpen, setOpen] = useState(false);
  const policy = useQuery({
    queryKey: ['keys', id, 'policy'],
    queryFn: async () => (await api.get<{ policy: string }>(at`/keys/${id}/policy`)).policy,
    enabled: isOpen,
  });
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Key policy</summary>
      {policy.error !== null && <Failure error={policy.error} />}
      {isOpen && policy.isPending && <p className="empty">Loading …</p>}
      {policy.data !== undefined && <pre data-testid="key-policy">{indented(policy.data)}</pre>}
    </details>
  );
}

/** The policy for reading; as it was given where it is no JSON. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
