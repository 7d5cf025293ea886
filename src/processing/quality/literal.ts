import { LochError } from '../../core/errors.ts';
import { sqlString } from '../../core/sql-text.ts';
import type { RuleColumn } from './rule.ts';

const FORMS: Readonly<Record<'number' | 'date' | 'timestamp' | 'boolean', RegExp>> = {
  number: /^[+-]?(\d+(\.\d*)?|\.\d+)$/,
  date: /^\d{4}-\d{2}-\d{2}$/,
  timestamp: /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?)?$/,
  boolean: /^(true|false)$/i,
};

/**
 * A limit or listed value of a rule as a literal of the column's type. Numbers stay as they are written, so that a
 * limit is not rounded to the column's scale.
 * **Errors**: `invalid_argument` naming rule, column and the form asked for.
 */
export function ruleLiteral(rule: string, column: RuleColumn, text: string): string {
  const { kind } = column.kind;
  if (kind === 'string') return sqlString(text);
  const form = kind === 'integer' || kind === 'decimal' || kind === 'float' ? 'number' : kind;
  if (!FORMS[form].test(text) || (form !== 'number' && form !== 'boolean' && Number.isNaN(Date.parse(text)))) {
    throw new LochError(
      'invalid_argument',
      `Rule ${rule} of \`${column.name}\` (${column.kind.hive}): \`${text}\` is no ${form}. Write it as ${EXAMPLES[form]}.`,
    );
  }
  if (form === 'number') return text.replace(/^\+/, '');
  return form === 'boolean' ? text.toLowerCase() : `${form.toUpperCase()} ${sqlString(text.replace('T', ' '))}`;
}

const EXAMPLES = { number: '12.50', date: '2026-01-31', timestamp: '2026-01-31 10:00:00', boolean: 'true' } as const;
