import type { QualityRule } from '../contract.ts';
import { complete } from './complete.ts';
import { iban } from './iban.ts';
import { pattern } from './pattern.ts';
import { range } from './range.ts';
import { references } from './references.ts';
import type { RowRule, RuleScope } from './rule.ts';
import { type } from './type.ts';
import { type UniqueRule, unique } from './unique.ts';
import { values } from './values.ts';

/** The rules of a dataset, ready for SQL. */
export interface CompiledRules {
  readonly rows: readonly RowRule[];
  readonly unique: readonly UniqueRule[];
}

/** SQL predicates of `rules` in their order, with distinct names. **Errors**: `invalid_argument` naming the rule. */
export function compileRules(rules: readonly QualityRule[], scope: RuleScope): CompiledRules {
  const taken = new Map<string, number>();
  const named = <R extends { readonly name: string }>(rule: R): R => {
    const count = (taken.get(rule.name) ?? 0) + 1;
    taken.set(rule.name, count);
    return count === 1 ? rule : { ...rule, name: `${rule.name}#${count}` };
  };
  const rows: RowRule[] = [];
  const uniques: UniqueRule[] = [];
  for (const rule of rules) {
    if (rule.rule === 'unique') uniques.push(named(unique(rule, scope)));
    else rows.push(named(rowRule(rule, scope)));
  }
  return { rows, unique: uniques };
}

function rowRule(rule: Exclude<QualityRule, { rule: 'unique' }>, scope: RuleScope): RowRule {
  switch (rule.rule) {
    case 'complete':
      return complete(rule, scope);
    case 'range':
      return range(rule, scope);
    case 'pattern':
      return pattern(rule, scope);
    case 'values':
      return values(rule, scope);
    case 'type':
      return type(rule, scope);
    case 'iban':
      return iban(rule, scope);
    case 'references':
      return references(rule, scope);
  }
}
