import { isLochError, LochError } from '../../../core/errors.ts';
import type { ChangeDeps, ChangeRun } from '../deps.ts';
import type { DefinitionStatement } from '../statements.ts';

type Of<K extends DefinitionStatement['kind']> = Extract<DefinitionStatement, { kind: K }>;

/** CREATE DATABASE. **Errors**: `already_exists`, `access_denied`. */
export async function createDatabase(deps: ChangeDeps, { context }: ChangeRun, statement: Of<'create_database'>) {
  try {
    await deps.catalog.createDatabase(context, {
      name: statement.database,
      parameters: statement.properties,
      ...(statement.comment === undefined ? {} : { description: statement.comment }),
      ...(statement.location === undefined ? {} : { locationUri: statement.location }),
    });
  } catch (error) {
    if (!statement.ifNotExists || !isLochError(error, 'already_exists')) throw error;
  }
}

/** ALTER DATABASE SET DBPROPERTIES. **Errors**: `database_not_found`, `access_denied`. */
export async function alterDatabase(deps: ChangeDeps, { context }: ChangeRun, statement: Of<'alter_database'>) {
  const known = await deps.catalog.getDatabase(context, statement.database);
  await deps.catalog.updateDatabase(context, statement.database, {
    ...(known.description === undefined ? {} : { description: known.description }),
    ...(known.locationUri === undefined ? {} : { locationUri: known.locationUri }),
    ...(known.foreign === undefined ? {} : { foreign: known.foreign }),
    parameters: { ...known.parameters, ...statement.properties },
  });
}

/** DROP DATABASE. Files of its tables stay in the bin's time. **Errors**: `conflict` when it holds tables; `database_not_found`. */
export async function dropDatabase(deps: ChangeDeps, { context }: ChangeRun, statement: Of<'drop_database'>) {
  try {
    await deps.catalog.deleteDatabase(context, statement.database, { cascade: statement.cascade });
  } catch (error) {
    if (statement.ifExists && isLochError(error, 'database_not_found')) return;
    if (!isLochError(error, 'conflict')) throw error;
    throw new LochError(
      'conflict',
      `Cannot drop non-empty schema \`${statement.database}\`. Drop its tables first, or write CASCADE.`,
      {
        context: { database: statement.database, errorName: 'SCHEMA_NOT_EMPTY', errorType: 1003 },
        cause: error,
      },
    );
  }
}
