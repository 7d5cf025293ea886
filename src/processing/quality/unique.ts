import { LochError } from '../../core/errors.ts';
import type { RuleOf, RuleScope } from './rule.ts';

/** A rule over many rows: no two keys share these columns' values. */
export interface UniqueRule {
  readonly name: string;
  readonly message: string;
  readonly columns: readonly string[];
}

/**
 * Uniqueness of columns beside the key. Of several keys with the same values the one that stands in the table already
 * keeps them, else the one that wins by event time and source position; rows of the others break the rule. A row with a
 * NULL among the columns passes. Versions of one key never break it: the greatest of them wins.
 */
export function unique(rule: RuleOf<'unique'>, scope: RuleScope): UniqueRule {
  if (rule.columns.length === 0) throw new LochError('invalid_argument', 'Rule unique needs at least one column.');
  for (const column of rule.columns) scope.column('unique', column);
  return {
    name: `unique(${rule.columns.join(',')})`,
    message: `${rule.columns.map((c) => `\`${c}\``).join(', ')} belong to another key`,
    columns: rule.columns,
  };
}
