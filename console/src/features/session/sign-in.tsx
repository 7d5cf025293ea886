import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';

/** Sign-in by access key. */
export function SignIn() {
  const client = useQueryClient();
  const [accessKeyId, setAccessKeyId] = useState('');
  const [secretAccessKey, setSecret] = useState('');
  const signIn = useMutation({
    mutationFn: () =>
      api.post('/session', { accessKeyId: accessKeyId.trim(), secretAccessKey: secretAccessKey.trim() }),
    onSuccess: () => client.resetQueries(),
  });
  return (
    <form
      className="card signin"
      onSubmit={(event) => {
        event.preventDefault();
        signIn.mutate();
      }}
    >
      <h1>Sign in to Loch</h1>
      <p className="sub">
        With an access key of yours. The owner of this lake gets a link by <code>loch console</code>.
      </p>
      <p>
        <label className="field">
          Access key id
          <input
            name="accessKeyId"
            autoComplete="username"
            required
            value={accessKeyId}
            onChange={(event) => setAccessKeyId(event.target.value)}
          />
        </label>
      </p>
      <p>
        <label className="field">
          Secret access key
          <input
            name="secretAccessKey"
            type="password"
            autoComplete="current-password"
            required
            value={secretAccessKey}
            onChange={(event) => setSecret(event.target.value)}
          />
        </label>
      </p>
      {signIn.error !== null && <Failure error={signIn.error} />}
      <button type="submit" className="primary" disabled={signIn.isPending}>
        Sign in
      </button>
    </form>
  );
}
