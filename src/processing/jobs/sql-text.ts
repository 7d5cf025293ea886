/** Text pieces of the SQL that jobs make. Names and literals of definitions enter a statement only through these. */

/** A quoted identifier. */
export const sqlName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A string literal. */
export const sqlText = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** `database.table`, quoted. */
export const sqlTable = (name: { readonly database: string; readonly table: string }): string =>
  `${sqlName(name.database)}.${sqlName(name.table)}`;
