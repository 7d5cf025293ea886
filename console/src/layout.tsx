import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiError, api, forgetAll, viewAs } from './api.ts';
import { Failure } from './components/failure.tsx';
import { SignIn } from './features/session/sign-in.tsx';

export interface Session {
  readonly arn: string;
  readonly name: string;
  readonly kind: string;
  readonly accountId: string;
  readonly region: string;
  /** Root looking through another user's eyes. */
  readonly viewedBy?: string;
}

const PAGES = [
  ['/', 'Overview'],
  ['/ingestion', 'Ingestion'],
  ['/storage', 'Storage'],
  ['/catalog', 'Catalog'],
  ['/runs', 'Runs'],
  ['/query', 'Query'],
  ['/people', 'People'],
  ['/grants', 'Grants'],
  ['/keys', 'Keys'],
  ['/audit', 'Audit'],
] as const;

/** The frame of every page: navigation, who I am, and the sign-in when I am nobody yet. */
export function Layout() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const session = useQuery({ queryKey: ['session'], queryFn: () => api.get<Session>('/session'), staleTime: 60_000 });
  if (path.startsWith('/link/')) return <Outlet />;
  if (session.isPending) return <p className="empty signin">Loading …</p>;
  if (session.error instanceof ApiError && session.error.status === 401) return <SignIn />;
  if (session.error) {
    return (
      <div className="signin">
        <Failure error={session.error} />
        <button type="button" onClick={() => session.refetch()}>
          Try again
        </button>
      </div>
    );
  }
  return (
    <div className="shell">
      <aside className="side">
        <Link to="/" className="brand">
          <Mark /> Loch
        </Link>
        <nav aria-label="Layers">
          {PAGES.map(([to, name]) => (
            <Link
              key={to}
              to={to}
              activeOptions={{ exact: to === '/', includeSearch: false }}
              activeProps={{ 'aria-current': 'page' }}
            >
              {name}
            </Link>
          ))}
        </nav>
        <Who session={session.data} />
      </aside>
      <main className="main">
        {session.data.viewedBy !== undefined && (
          <div className="notice spread" role="status">
            <span>
              You see Loch as <b>{session.data.name}</b>. Nothing can be changed in this view, and it is in the audit.
            </span>
            <BackToMyself />
          </div>
        )}
        <Outlet />
      </main>
    </div>
  );
}

function Who({ session }: { readonly session: Session }) {
  const client = useQueryClient();
  const [leaving, setLeaving] = useState(false);
  const signOut = async () => {
    setLeaving(true);
    viewAs(undefined);
    await api.delete('/session');
    client.clear();
    window.location.hash = '#/';
    window.location.reload();
  };
  return (
    <div className="who">
      <div>
        <b data-testid="who">{session.name}</b> ({session.kind})
      </div>
      <div>
        {session.accountId} · {session.region}
      </div>
      <p>
        <button type="button" onClick={signOut} disabled={leaving}>
          Sign out
        </button>
      </p>
    </div>
  );
}

function BackToMyself() {
  const client = useQueryClient();
  return (
    <button
      type="button"
      onClick={() => {
        viewAs(undefined);
        void forgetAll(client);
      }}
    >
      Back to myself
    </button>
  );
}

function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M1 10c2-2 4-2 6 0s4 2 8-1v6H1z" fill="var(--water)" />
      <path d="M1 7c2-2 4-2 6 0s4 2 8-1" fill="none" stroke="var(--water)" strokeWidth="1.6" />
    </svg>
  );
}
