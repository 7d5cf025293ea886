import { ApiError } from '../api.ts';

/** What went wrong, in the server's words, with the request id to ask about. */
export function Failure({ error }: { readonly error: unknown }) {
  const known = error instanceof ApiError ? error : undefined;
  return (
    <div className="error" role="alert">
      {error instanceof Error ? error.message : String(error)}
      {known?.requestId !== undefined && (
        <small>
          {known.code} · request <code>{known.requestId}</code> (loch logs {known.requestId})
        </small>
      )}
    </div>
  );
}
