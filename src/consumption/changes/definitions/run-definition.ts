import type { ChangeDeps, ChangeRun } from '../deps.ts';
import type { DefinitionStatement } from '../statements.ts';
import { alterTable } from './alter-table.ts';
import { createTable } from './create-table.ts';
import { alterDatabase, createDatabase, dropDatabase } from './databases.ts';
import { dropTable } from './drop-table.ts';
import { repairTable } from './repair-table.ts';
import { createView } from './views.ts';

/** Runs a statement about the catalog; what it has to say, line by line. **Errors**: those of the catalog. */
export async function runDefinition(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: DefinitionStatement,
): Promise<readonly string[]> {
  if (statement.kind === 'repair_table') return repairTable(deps, run, statement);
  await applyDefinition(deps, run, statement);
  return [];
}

async function applyDefinition(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Exclude<DefinitionStatement, { kind: 'repair_table' }>,
): Promise<void> {
  switch (statement.kind) {
    case 'create_database':
      return createDatabase(deps, run, statement);
    case 'alter_database':
      return alterDatabase(deps, run, statement);
    case 'drop_database':
      return dropDatabase(deps, run, statement);
    case 'create_table':
      return createTable(deps, run, statement);
    case 'alter_table':
      return alterTable(deps, run, statement);
    case 'drop_table':
    case 'drop_view':
      return dropTable(deps, run, statement);
    case 'create_view':
      return createView(deps, run, statement);
  }
}
