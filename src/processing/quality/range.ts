import { LochError } from '../../core/errors.ts';
import { ruleLiteral } from './literal.ts';
import type { RowRule, RuleOf, RuleScope } from './rule.ts';

/** A value lies between two limits, both included. NULL passes. */
export function range(rule: RuleOf<'range'>, scope: RuleScope): RowRule {
  const column = scope.column('range', rule.column);
  if (rule.min === undefined && rule.max === undefined) {
    throw new LochError('invalid_argument', `Rule range of \`${rule.column}\` needs \`min\`, \`max\` or both.`);
  }
  const limits = [
    ...(rule.min === undefined ? [] : [`${column.value} < ${ruleLiteral('range', column, rule.min)}`]),
    ...(rule.max === undefined ? [] : [`${column.value} > ${ruleLiteral('range', column, rule.max)}`]),
  ];
  return {
    name: `range(${rule.column})`,
    message: `\`${rule.column}\` lies outside ${rule.min ?? 'anything'} to ${rule.max ?? 'anything'}`,
    broken: `coalesce(${limits.join(' OR ')}, false)`,
  };
}
