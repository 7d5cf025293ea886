/** What the column names of a statement say about its tables. */
import type { Requalified } from '../rewrite-statement.ts';
import type { Inspection, TableUse } from '../gate/inspect-statement.ts';

/**
 * References of the form `database.table.column`: the database goes, since the scan is known by its table's name only.
 * An alias of the database's name makes `a.b.c` mean a field, so then nothing is taken away.
 */
export function requalifiedColumns({ tables, columns }: Inspection): Requalified[] {
  const aliases = new Set(tables.map((use) => use.alias.toLowerCase()));
  return columns.flatMap(({ node, names }) => {
    const folded = names.map((name) => name.toLowerCase());
    for (const use of tables) {
      if (use.database === undefined || use.node.alias !== '' || aliases.has(folded[0]!)) continue;
      const path = [String(use.node.catalog_name), use.database, use.table].map((name) => name.toLowerCase());
      for (const prefix of path[0] === '' ? [path.slice(1)] : [path, path.slice(1)]) {
        if (folded.length <= prefix.length) continue;
        if (prefix.every((name, i) => name === folded[i])) return [{ node, dropped: prefix.length - 1 }];
      }
    }
    return [];
  });
}

/**
 * The columns of a table that a statement reads, at most: every column whose name stands in it, and all of them where
 * a star, the whole row or a natural join takes them.
 */
export function columnsRead(inspection: Inspection, use: TableUse, visible: readonly string[]): string[] {
  const alias = use.alias.toLowerCase();
  const named = new Set<string>();
  for (const { names } of inspection.columns) for (const name of names) named.add(name.toLowerCase());
  const star = inspection.stars.some((of) => of === undefined || of.toLowerCase() === alias);
  if (star || inspection.columns.some(({ names }) => names.at(-1)!.toLowerCase() === alias)) return [...visible];
  for (const name of inspection.joinColumns) named.add(name.toLowerCase());
  if (inspection.naturalJoins) return [...visible];
  return visible.filter((name) => named.has(name.toLowerCase()));
}
