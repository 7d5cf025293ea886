import { CompiledQuery, type Kysely } from 'kysely';

/**
 * A statement of fixed text with `?` for its parameters. For the procedures every request runs: building the text anew
 * costs more than SQLite takes to run it.
 */
export function statement<Row = Record<string, never>>(text: string) {
  // biome-ignore lint/suspicious/noExplicitAny: any tables; the row's type is stated with the text.
  return async (db: Kysely<any>, ...parameters: readonly unknown[]): Promise<Row[]> => {
    const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text, [...parameters]));
    return rows;
  };
}
