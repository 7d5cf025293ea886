import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, at, forgetAll, viewAs } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';
import { when } from '../../components/format.ts';
import { PageHead } from '../../components/page.tsx';
import { Rows } from '../../components/rows.tsx';

interface User {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly keys: readonly { readonly accessKeyId: string; readonly status: string }[];
  readonly policies: readonly { readonly name: string }[];
}

interface NewKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What an analyst needs of IAM to query; rows and columns are granted on the page Grants. */
const ANALYST_POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['athena:*', 'glue:Get*', 'glue:SearchTables', 'lakeformation:GetDataAccess', 'sts:GetCallerIdentity'],
      Resource: '*',
    },
  ],
});

/** Users with their keys: add, give a new key, delete a key, see Loch as they do. */
export function PeoplePage() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const users = useQuery({ queryKey: ['users'], queryFn: () => api.get<{ users: User[] }>('/users') });
  const [shown, setShown] = useState<NewKey>();
  const refresh = () => client.invalidateQueries({ queryKey: ['users'] });
  const addKey = useMutation({
    mutationFn: (name: string) => api.post<NewKey>(at`/users/${name}/keys`),
    onSuccess: (key) => {
      setShown(key);
      return refresh();
    },
  });
  const deleteKey = useMutation({
    mutationFn: (key: { name: string; id: string }) => api.delete(at`/users/${key.name}/keys/${key.id}`),
    onSuccess: refresh,
  });
  const seeAs = async (user: User) => {
    viewAs(user.arn);
    // Everything held is dropped at once; what is asked anew may take its time, and the page is not to change under it.
    const forgotten = forgetAll(client);
    await navigate({ to: '/catalog', search: { q: undefined, database: undefined } });
    await forgotten;
  };
  return (
    <>
      <PageHead title="People" about="Users sign in with an access key: here, in SDKs, and in the AWS CLI." />
      {[users, addKey, deleteKey].map(
        (step) => step.error !== null && <Failure key={String(step.error)} error={step.error} />,
      )}
      {shown !== undefined && <Shown newKey={shown} onClose={() => setShown(undefined)} />}
      <AddUser
        onAdded={(key) => {
          setShown(key);
          void refresh();
        }}
      />
      <section className="card">
        <Rows
          rows={users.data?.users ?? []}
          keyOf={(user) => user.arn}
          empty={users.isPending ? 'Loading …' : 'There are no users yet, only root.'}
          columns={[
            { title: 'Name', cell: (user) => <b>{user.name}</b> },
            { title: 'ARN', cell: (user) => <span className="mono">{user.arn}</span> },
            { title: 'Since', cell: (user) => when(user.createdAt) },
            {
              title: 'Keys',
              cell: (user) =>
                user.keys.map((key) => (
                  <div key={key.accessKeyId} className="row">
                    <span className="mono">{key.accessKeyId}</span>
                    <button
                      type="button"
                      className="danger"
                      aria-label={`Delete key ${key.accessKeyId}`}
                      onClick={() => deleteKey.mutate({ name: user.name, id: key.accessKeyId })}
                    >
                      Delete
                    </button>
                  </div>
                )),
            },
            {
              title: '',
              cell: (user) => (
                <span className="row">
                  <button type="button" onClick={() => addKey.mutate(user.name)}>
                    New key
                  </button>
                  <button type="button" onClick={() => seeAs(user)}>
                    See as {user.name}
                  </button>
                </span>
              ),
            },
          ]}
        />
      </section>
    </>
  );
}

function AddUser({ onAdded }: { readonly onAdded: (key: NewKey) => void }) {
  const [name, setName] = useState('');
  const [analyst, setAnalyst] = useState(true);
  const add = useMutation({
    mutationFn: () => api.post<NewKey>('/users', { name, ...(analyst ? { policyDocument: ANALYST_POLICY } : {}) }),
    onSuccess: (key) => {
      setName('');
      onAdded(key);
    },
  });
  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate();
      }}
    >
      <div className="row">
        <label className="field">
          New user
          <input
            required
            pattern="[A-Za-z0-9+=,.@_-]{1,64}"
            title="Letters, digits and + = , . @ _ -"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <label className="row">
          <input type="checkbox" checked={analyst} onChange={(event) => setAnalyst(event.target.checked)} /> may query
          (Athena and catalog; rows and columns are granted separately)
        </label>
        <button type="submit" className="primary" disabled={add.isPending}>
          Add user
        </button>
      </div>
      {add.error !== null && <Failure error={add.error} />}
    </form>
  );
}

function Shown({ newKey, onClose }: { readonly newKey: NewKey; readonly onClose: () => void }) {
  return (
    <div className="notice" role="status">
      <p>This secret is shown once. Keep it now.</p>
      <pre data-testid="new-key">
        {`export AWS_ACCESS_KEY_ID=${newKey.accessKeyId}\nexport AWS_SECRET_ACCESS_KEY=${newKey.secretAccessKey}`}
      </pre>
      <button type="button" onClick={onClose}>
        I have it
      </button>
    </div>
  );
}
