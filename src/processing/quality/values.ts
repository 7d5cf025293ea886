import { LochError } from '../../core/errors.ts';
import { ruleLiteral } from './literal.ts';
import type { RowRule, RuleOf, RuleScope } from './rule.ts';

/** A value is one of a list. NULL passes. */
export function values(rule: RuleOf<'values'>, scope: RuleScope): RowRule {
  const column = scope.column('values', rule.column);
  if (rule.values.length === 0) {
    throw new LochError('invalid_argument', `Rule values of \`${rule.column}\` needs at least one value.`);
  }
  const list = rule.values.map((value) => ruleLiteral('values', column, value)).join(', ');
  return {
    name: `values(${rule.column})`,
    message: `\`${rule.column}\` is none of the ${rule.values.length} listed values`,
    broken: `coalesce(${column.value} NOT IN (${list}), false)`,
  };
}
