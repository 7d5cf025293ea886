/** Whether a key under `prefix` is data: folder markers, and names that begin with `_` or `.` (as engines agree), are not. */
export function isVisibleKey(key: string, prefix: string): boolean {
  if (key.endsWith('/')) return false;
  const segments = key.slice(prefix.lastIndexOf('/') + 1).split('/');
  return !segments.some((segment) => segment.startsWith('_') || segment.startsWith('.'));
}
