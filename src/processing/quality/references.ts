import { sqlName } from '../../core/sql-text.ts';
import { sqlTable } from '../jobs/sql-table.ts';
import type { RowRule, RuleOf, RuleScope } from './rule.ts';

/** A value stands in the key column of another table, as the run's principal sees that table. NULL passes. */
export function references(rule: RuleOf<'references'>, scope: RuleScope): RowRule {
  const { value } = scope.column('references', rule.column);
  const key = sqlName(rule.key);
  // Compared as text: keys of different types must not fail the statement on a value that does not cast.
  const known = `SELECT CAST(${key} AS VARCHAR) FROM ${sqlTable(rule.table)} WHERE ${key} IS NOT NULL`;
  return {
    name: `references(${rule.column})`,
    message: `\`${rule.column}\` is no ${rule.key} of ${rule.table.database}.${rule.table.table}`,
    broken: `coalesce(CAST(${value} AS VARCHAR) NOT IN (${known}), false)`,
  };
}
