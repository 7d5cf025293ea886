import type { ReactNode } from 'react';

/** Title, one line on what the page is for, and its main actions. */
export function PageHead({
  title,
  about,
  actions,
}: {
  readonly title: string;
  readonly about?: ReactNode;
  readonly actions?: ReactNode;
}) {
  return (
    <header className="head">
      <div>
        <h1>{title}</h1>
        {about !== undefined && <p className="sub">{about}</p>}
      </div>
      {actions !== undefined && <div className="row">{actions}</div>}
    </header>
  );
}

const GOOD = new Set(['SUCCEEDED', 'COMPLETED', 'ACTIVE', 'READY', 'FINISHED']);
const BAD = new Set(['FAILED', 'DENIED', 'ERROR']);
const WAIT = new Set([
  'RUNNING',
  'QUEUED',
  'STARTING',
  'COMMITTING',
  'LOADING',
  'SNAPSHOTTING',
  'PENDING',
  'WAITING',
  'STOPPING',
]);

/** A state by colour and word. */
export function State({ state }: { readonly state: string }) {
  const tone = GOOD.has(state) ? 'good' : BAD.has(state) ? 'bad' : WAIT.has(state) ? 'wait' : '';
  return <span className={`badge ${tone}`}>{state.toLowerCase()}</span>;
}
