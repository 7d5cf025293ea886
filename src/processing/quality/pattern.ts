import { LochError } from '../../core/errors.ts';
import { sqlString } from '../../core/sql-text.ts';
import type { RowRule, RuleOf, RuleScope } from './rule.ts';

const MAX_PATTERN = 1000;

/** The whole text matches a regular expression (RE2: no look-around, no back references). NULL passes. */
export function pattern(rule: RuleOf<'pattern'>, scope: RuleScope): RowRule {
  const { value, kind } = scope.column('pattern', rule.column);
  assertPattern(rule);
  const text = kind.kind === 'string' ? value : `CAST(${value} AS VARCHAR)`;
  return {
    name: `pattern(${rule.column})`,
    message: `\`${rule.column}\` does not match ${rule.pattern}`,
    broken: `NOT coalesce(regexp_full_match(${text}, ${sqlString(rule.pattern)}), true)`,
  };
}

function assertPattern(rule: RuleOf<'pattern'>): void {
  const refuse = (why: string) =>
    new LochError('invalid_argument', `Rule pattern of \`${rule.column}\`: ${why}.`, {
      context: { column: rule.column },
    });
  if (rule.pattern.length > MAX_PATTERN) throw refuse(`the pattern is longer than ${MAX_PATTERN} characters`);
  if (/\(\?(=|!|<=|<!)|\\[1-9]/.test(rule.pattern)) throw refuse('look-around and back references are not supported');
  try {
    new RegExp(rule.pattern.replaceAll('(?P<', '(?<').replace(/^\(\?[imsU]+\)/, ''));
  } catch (error) {
    throw refuse((error as Error).message);
  }
}
