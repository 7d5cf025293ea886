/** The caller's text as parts of the SELECT that reads the rows he changes. */
import { sqlName } from '../../core/sql-text.ts';
import type { TableName } from '../../governance/contract.ts';
import type { IcebergField } from '../../storage/contract.ts';
import { LochError } from '../../core/errors.ts';
import { ROW_FILE, ROW_PLACE } from '../queries/secure/iceberg-source.ts';
import { tokensOf } from '../queries/gate/sql-tokens.ts';
import { CHANGED } from './change-rows.ts';
import { fullName } from './deps.ts';

/** The changed table in FROM, under the name the statement calls it by. */
export function changedFrom(alias: string): string {
  return `${sqlName(CHANGED)} AS ${sqlName(alias)}`;
}

/** Which row, and what happens to it: the first three columns of a change. */
export function rowHead(alias: string, action: string): string[] {
  const of = sqlName(alias);
  return [
    `${of}.${sqlName(ROW_FILE)} AS ${sqlName(ROW_FILE)}`,
    `${of}.${sqlName(ROW_PLACE)} AS ${sqlName(ROW_PLACE)}`,
    `${action} AS "_loch_action"`,
  ];
}

/** `db.t.c` → `t.c`: the table stands in FROM by its name alone. */
export function withoutDatabase(text: string, { database, table }: TableName): string {
  const tokens = tokensOf(text).filter((token) => token.kind !== 'comment');
  const named = (i: number, name: string) => {
    const token = tokens[i];
    if (token?.kind === 'name') return token.text.toLowerCase() === name;
    return token?.kind === 'quoted' && token.text.slice(1, -1).toLowerCase() === name;
  };
  let result = '';
  let at = 0;
  for (let i = 0; i < tokens.length; i++) {
    const begins = tokens[i - 1]?.text !== '.' && named(i, database) && tokens[i + 1]?.text === '.';
    if (!begins || !named(i + 2, table) || tokens[i + 3]?.text !== '.') continue;
    result += text.slice(at, tokens[i]!.start);
    at = tokens[i + 2]!.start;
  }
  return result + text.slice(at);
}

/** The field that a statement sets. **Errors**: `column_not_found`. */
export function fieldNamed(fields: readonly IcebergField[], name: string, table: TableName): IcebergField {
  const field = fields.find((one) => one.name.toLowerCase() === name);
  if (field !== undefined) return field;
  throw new LochError(
    'column_not_found',
    `Column \`${name}\` does not exist in \`${fullName(table)}\`. It has: ${fields.map((one) => one.name).join(', ')}.`,
    { context: { name, table: fullName(table) } },
  );
}
