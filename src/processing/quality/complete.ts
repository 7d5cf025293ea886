import type { RowRule, RuleOf, RuleScope } from './rule.ts';

/** Completeness: a value is there. A blank text is none; one that does not fit its type is the type rule's. */
export function complete(rule: RuleOf<'complete'>, scope: RuleScope): RowRule {
  const { text } = scope.column('complete', rule.column);
  return {
    name: `complete(${rule.column})`,
    message: `\`${rule.column}\` has no value`,
    broken: `(${text} IS NULL OR trim(${text}) = '')`,
  };
}
