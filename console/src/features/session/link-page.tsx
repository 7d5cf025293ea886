import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { api } from '../../api.ts';
import { Failure } from '../../components/failure.tsx';

/** The end of a one-time link: exchanges its token for a session. */
export function LinkPage() {
  const { token } = useParams({ from: '/link/$token' });
  const client = useQueryClient();
  const navigate = useNavigate();
  const sent = useRef(false);
  const exchange = useMutation({
    mutationFn: () => api.post('/session/link', { token }),
    onSuccess: async () => {
      await client.resetQueries();
      await navigate({ to: '/', replace: true });
    },
  });
  useEffect(() => {
    if (sent.current) return; // the link works once, and effects may run twice
    sent.current = true;
    exchange.mutate();
  }, [exchange]);
  return (
    <div className="signin">
      {exchange.error === null ? <p className="empty">Signing in …</p> : <Failure error={exchange.error} />}
      {exchange.error !== null && <Link to="/">Sign in with an access key</Link>}
    </div>
  );
}
