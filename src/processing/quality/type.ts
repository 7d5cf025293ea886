import { castSql } from '../jobs/column-sql.ts';
import { parseColumnKind } from '../jobs/column-type.ts';
import type { RowRule, RuleOf, RuleScope } from './rule.ts';

/** A text that is there fits a type: by default it is asked of every column for its own type. NULL passes. */
export function type(rule: RuleOf<'type'>, scope: RuleScope): RowRule {
  const column = scope.column('type', rule.column);
  const kind = parseColumnKind(rule.type, `Rule type of \`${rule.column}\``);
  const formats = kind.kind === 'date' || kind.kind === 'timestamp' ? column.formats : [];
  const fitted = kind.hive === column.kind.hive ? column.value : castSql(column.text, kind, formats);
  return {
    name: `type(${rule.column})`,
    message: `\`${rule.column}\` is no ${kind.hive}`,
    broken: `(${column.text} IS NOT NULL AND ${fitted} IS NULL)`,
  };
}
