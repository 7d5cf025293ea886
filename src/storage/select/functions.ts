import { sqlString } from '../../core/sql-text.ts';
import { asNumber, asString, asTimestamp, type Value } from './value.ts';
import { selectError } from './select-error.ts';
import type { Expression } from './syntax.ts';

/** Functions that take all records to one. */
export const AGGREGATES: ReadonlySet<string> = new Set(['AVG', 'COUNT', 'MAX', 'MIN', 'SUM']);

const PARTS = new Set(['YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'SECOND']);

/** Letters of a time pattern, longest first. **Source**: S3 Select SQL reference, TO_STRING. */
const PATTERNS: readonly (readonly [string, string])[] = [
  ['yyyy', '%Y'],
  ['yy', '%y'],
  ['y', '%Y'],
  ['MMMM', '%B'],
  ['MMM', '%b'],
  ['MM', '%m'],
  ['M', '%-m'],
  ['dd', '%d'],
  ['d', '%-d'],
  ['HH', '%H'],
  ['H', '%-H'],
  ['hh', '%I'],
  ['h', '%-I'],
  ['mm', '%M'],
  ['m', '%-M'],
  ['ss', '%S'],
  ['s', '%-S'],
  ['SSS', '%g'],
  ['a', '%p'],
  ['X', 'Z'],
];

type Call = Extract<Expression, { kind: 'call' }>;
type Maker = (args: readonly Value[], call: Call, now: number) => Value;

const text = (sql: string): Value => ({ sql, type: 'string' });
const number = (sql: string): Value => ({ sql, type: 'number' });

const FUNCTIONS: Readonly<Record<string, { readonly least: number; readonly most: number; readonly make: Maker }>> = {
  AVG: { least: 1, most: 1, make: ([a]) => number(`avg(${asNumber(a!)})`) },
  COUNT: { least: 1, most: 1, make: ([a]) => number(`count(${a!.sql})`) },
  MAX: { least: 1, most: 1, make: ([a]) => extreme('max', a!) },
  MIN: { least: 1, most: 1, make: ([a]) => extreme('min', a!) },
  SUM: { least: 1, most: 1, make: ([a]) => number(`sum(${asNumber(a!)})`) },
  CHAR_LENGTH: { least: 1, most: 1, make: ([a]) => number(`length(${asString(a!)})`) },
  CHARACTER_LENGTH: { least: 1, most: 1, make: ([a]) => number(`length(${asString(a!)})`) },
  LOWER: { least: 1, most: 1, make: ([a]) => text(`lower(${asString(a!)})`) },
  UPPER: { least: 1, most: 1, make: ([a]) => text(`upper(${asString(a!)})`) },
  SUBSTRING: { least: 2, most: 3, make: substring },
  TRIM: { least: 3, most: 3, make: trim },
  COALESCE: { least: 1, most: 100, make: coalesce },
  NULLIF: {
    least: 2,
    most: 2,
    make: ([a, b]) => ({ sql: `nullif(${common(a!, b!)}, ${common(b!, a!)})`, type: commonType(a!, b!) }),
  },
  UTCNOW: {
    least: 0,
    most: 0,
    make: (_args, _call, now) => timestamp(`TIMESTAMP ${sqlString(new Date(now).toISOString().replace('Z', ''))}`),
  },
  TO_TIMESTAMP: { least: 1, most: 1, make: ([a]) => timestamp(asTimestamp(a!)) },
  TO_STRING: {
    least: 2,
    most: 2,
    make: ([a, b], call) => text(`strftime(${asTimestamp(a!)}, ${sqlString(pattern(b!, call))})`),
  },
  DATE_ADD: {
    least: 3,
    most: 3,
    make: ([, amount, at], call) =>
      timestamp(`(${asTimestamp(at!)} + CAST(${asNumber(amount!)} AS BIGINT) * INTERVAL 1 ${part(call)})`),
  },
  DATE_DIFF: {
    least: 3,
    most: 3,
    make: ([, from, to], call) =>
      number(`date_diff(${sqlString(part(call))}, ${asTimestamp(from!)}, ${asTimestamp(to!)})`),
  },
  EXTRACT: {
    least: 2,
    most: 2,
    make: ([, at], call) => number(`date_part(${sqlString(part(call))}, ${asTimestamp(at!)})`),
  },
};

/** A call as SQL. **Errors**: `UnsupportedFunction`, `EvaluatorInvalidArguments`, and those of single functions. */
export function callSql(call: Call, args: readonly Value[], now: number): Value {
  const known = Object.hasOwn(FUNCTIONS, call.name) ? FUNCTIONS[call.name]! : undefined;
  if (known === undefined) {
    throw selectError(
      'UnsupportedFunction',
      `We encountered an unsupported SQL function: ${call.name} at column ${call.at + 1}.`,
    );
  }
  if (args.length < known.least || args.length > known.most) {
    throw selectError(
      'EvaluatorInvalidArguments',
      `Incorrect number of arguments in the function call of ${call.name}: ${args.length}, expected ${known.least}${
        known.most > known.least ? ` to ${known.most}` : ''
      }.`,
    );
  }
  return known.make(args, call, now);
}

const timestamp = (sql: string): Value => ({ sql, type: 'timestamp' });

function extreme(name: 'min' | 'max', value: Value): Value {
  if (value.type === 'timestamp') return timestamp(`${name}(${value.sql})`);
  return number(`${name}(${asNumber(value)})`);
}

/** Places before the first character take from the length, as SQL has it. */
function substring([value, start, length]: readonly Value[]): Value {
  const from = `CAST(${asNumber(start!)} AS BIGINT)`;
  const first = `greatest(${from}, 1)`;
  if (length === undefined) return text(`substring(${asString(value!)}, ${first})`);
  const count = `greatest(CAST(${asNumber(length)} AS BIGINT) + least(${from} - 1, 0), 0)`;
  return text(`substring(${asString(value!)}, ${first}, ${count})`);
}

function trim([side, characters, value]: readonly Value[], call: Call): Value {
  const word = literalText(call.args[0]);
  const name = word === 'LEADING' ? 'ltrim' : word === 'TRAILING' ? 'rtrim' : 'trim';
  if (side === undefined) throw selectError('EvaluatorInvalidArguments', 'TRIM takes a text.');
  return text(`${name}(${asString(value!)}, ${asString(characters!)})`);
}

function commonType(a: Value, b: Value): Value['type'] {
  if (a.type === b.type || b.type === 'null') return a.type;
  return a.type === 'number' || b.type === 'number' ? 'number' : 'string';
}

function common(a: Value, b: Value): string {
  const type = commonType(a, b);
  if (type === a.type) return a.sql;
  return type === 'number' ? asNumber(a) : asString(a);
}

function coalesce(args: readonly Value[]): Value {
  const types = new Set(args.map(({ type }) => type).filter((type) => type !== 'null'));
  if (types.size <= 1)
    return { sql: `coalesce(${args.map(({ sql }) => sql).join(', ')})`, type: [...types][0] ?? 'null' };
  return text(`coalesce(${args.map(asString).join(', ')})`);
}

function literalText(expression: Expression | undefined): string {
  return expression?.kind === 'literal' ? expression.text.toUpperCase() : '';
}

function part(call: Call): string {
  const name = literalText(call.args[0]);
  if (PARTS.has(name)) return name;
  throw selectError(
    'ParseExpectedDatePart',
    `Did not find the expected date part: \`${name}\`. Known: ${[...PARTS].join(', ')}.`,
  );
}

function pattern(value: Value, call: Call): string {
  const given = call.args[1];
  if (given?.kind !== 'literal' || given.type !== 'string' || value.type !== 'string') {
    throw selectError('EvaluatorInvalidTimestampFormatPattern', 'The pattern of TO_STRING is a text literal.');
  }
  let format = '';
  for (let at = 0; at < given.text.length; ) {
    const known = PATTERNS.find(([letters]) => given.text.startsWith(letters, at));
    const letter = given.text[at]!;
    if (known !== undefined) {
      format += known[1];
      at += known[0].length;
    } else if (/[A-Za-z]/.test(letter) && letter !== 'T') {
      throw selectError(
        'EvaluatorInvalidTimestampFormatPatternSymbol',
        `Invalid time stamp format string in the SQL expression: \`${letter}\`.`,
      );
    } else {
      format += letter === '%' ? '%%' : letter;
      at++;
    }
  }
  return format;
}
