import type { SourceTables } from '../catalog/contract.ts';

/** The tables of a source by a pattern. The driver is loaded when it is needed. **Errors**: `source_failed`. */
export const describeSource: SourceTables = async function* ({ engine, url }, pattern) {
  if (engine === 'mysql') {
    const { describeMysqlTables } = await import('./connectors/mysql/describe-tables.ts');
    yield* describeMysqlTables(url, pattern);
  } else {
    const { describePostgresTables } = await import('./connectors/postgres/describe-tables.ts');
    yield* describePostgresTables(url, pattern);
  }
};
