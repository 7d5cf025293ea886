import { Link } from '@tanstack/react-router';
import { place } from './storage-types.ts';

/** The way from all buckets to a folder of one. */
export function Crumbs({ bucket, prefix }: { readonly bucket: string; readonly prefix: string }) {
  const parts = prefix.split('/').slice(0, -1);
  return (
    <span className="mono">
      <Link to="/storage" search={place()}>
        buckets
      </Link>
      {' / '}
      <Link to="/storage" search={place({ bucket })}>
        {bucket}
      </Link>
      {parts.map((part, i) => {
        const folder = `${parts.slice(0, i + 1).join('/')}/`;
        return (
          <span key={folder}>
            {' / '}
            <Link to="/storage" search={place({ bucket, prefix: folder })}>
              {part === '' ? '(empty)' : part}
            </Link>
          </span>
        );
      })}
    </span>
  );
}
