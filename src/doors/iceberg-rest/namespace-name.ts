/**
 * Namespaces of several levels as names of databases, and back.
 *
 * Invariants
 * - Levels are joined by a dot; a dot inside a level is written `%2e`. Every list of levels has one name, and every name
 *   one list: a level that itself holds `%2e` gains a `25`.
 */
import { LochError } from '../../core/errors.ts';

const SEPARATOR = '\u001f';

/** The levels of a namespace as it stands, decoded, in a path or query. */
export const levelsOf = (text: string): readonly string[] => text.split(SEPARATOR);

/** The database of a namespace. **Errors**: `invalid_argument` for no levels or an empty one. */
export function databaseOfLevels(levels: readonly string[]): string {
  if (levels.length === 0 || levels.some((level) => level === '')) {
    throw new LochError('invalid_argument', `A namespace has at least one level, and no level is empty.`);
  }
  return levels.map((level) => level.replace(/%(?=(?:25)*2e)/gi, '%25').replaceAll('.', '%2e')).join('.');
}

/** The levels of a database's name. */
export const levelsOfDatabase = (database: string): readonly string[] =>
  database.split('.').map((level) => level.replaceAll('%2e', '.').replace(/%25(?=(?:25)*2e)/g, '%'));

/** The namespaces directly below `parent` (the top when empty), of databases that are there or implied by deeper ones. */
export function childrenOf(parent: readonly string[], databases: readonly string[]): readonly (readonly string[])[] {
  const children = new Map<string, readonly string[]>();
  for (const database of databases) {
    const levels = levelsOfDatabase(database);
    if (levels.length <= parent.length || parent.some((level, i) => level !== levels[i])) continue;
    const child = levels.slice(0, parent.length + 1);
    children.set(databaseOfLevels(child), child);
  }
  return [...children].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, child]) => child);
}
