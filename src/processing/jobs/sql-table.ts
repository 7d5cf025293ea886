import { sqlName } from '../../core/sql-text.ts';

/** `database.table`, quoted. */
export const sqlTable = (name: { readonly database: string; readonly table: string }): string =>
  `${sqlName(name.database)}.${sqlName(name.table)}`;
