import type { RowRule, RuleOf, RuleScope } from './rule.ts';

/** Completeness: a value is there. A blank text is none. */
export function complete(rule: RuleOf<'complete'>, scope: RuleScope): RowRule {
  const { value, kind } = scope.column('complete', rule.column);
  const blank = kind.kind === 'string' ? ` OR trim(${value}) = ''` : '';
  return {
    name: `complete(${rule.column})`,
    message: `\`${rule.column}\` has no value`,
    broken: `(${value} IS NULL${blank})`,
  };
}
