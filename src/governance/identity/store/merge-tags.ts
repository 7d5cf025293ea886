import { limitReached } from './found.ts';

/** A change of tags: what to set, and what to remove. Keys are the same whatever their case. */
export interface TagChange {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  readonly quota: number;
}

/** The stored tags after the change. **Errors**: `limit_exceeded`. */
export function mergeTags(stored: string, change: TagChange): string {
  const gone = new Set([...change.remove, ...Object.keys(change.set)].map((key) => key.toLowerCase()));
  const kept = Object.entries(JSON.parse(stored) as Record<string, string>).filter(
    ([key]) => !gone.has(key.toLowerCase()),
  );
  const merged = { ...Object.fromEntries(kept), ...change.set };
  if (Object.keys(merged).length > change.quota) throw limitReached('tags', change.quota);
  return JSON.stringify(merged);
}
