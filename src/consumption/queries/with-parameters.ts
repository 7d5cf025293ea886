import { LochError } from '../../core/errors.ts';
import { tokensOf } from './gate/sql-tokens.ts';

/** A literal as Athena takes it for an execution parameter: a number, a quoted text, NULL, TRUE, FALSE, a typed text. */
const LITERAL =
  /^\s*(?:[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|(?:(?:DATE|TIME|TIMESTAMP|DECIMAL)\s*)?'(?:[^']|'')*'|NULL|TRUE|FALSE)\s*$/i;

/**
 * Puts parameters in place of the `?` of a statement, as literals and nothing else.
 * **Errors**: `invalid_argument` for another number of them, or for one that is no literal.
 */
export function withParameters(sql: string, parameters: readonly string[], prepared = false): string {
  if (parameters.length === 0 && !prepared) return sql;
  const marks = tokensOf(sql).filter((token) => token.kind === 'symbol' && token.text === '?');
  if (marks.length !== parameters.length) {
    throw new LochError(
      'invalid_argument',
      `The statement has ${marks.length} parameters; ${parameters.length} values were given.`,
      { context: { argument: 'ExecutionParameters' } },
    );
  }
  let text = '';
  let at = 0;
  marks.forEach((mark, i) => {
    text += `${sql.slice(at, mark.start)}${literal(parameters[i]!, i)}`;
    at = mark.end;
  });
  return text + sql.slice(at);
}

/** Text without quotes is a string. A literal of its own form stays as it is. */
function literal(value: string, index: number): string {
  if (LITERAL.test(value)) return ` ${value.trim()} `;
  if (/['"\\;]|--|\/\*/.test(value)) {
    throw new LochError(
      'invalid_argument',
      `Parameter ${index + 1} is not a literal. Write texts in single quotes, a quote inside doubled.`,
      { context: { argument: 'ExecutionParameters', index: index + 1 } },
    );
  }
  return ` '${value}' `;
}
