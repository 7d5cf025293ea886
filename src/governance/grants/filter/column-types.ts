import { LochError } from '../../../core/errors.ts';
import { nearestNames } from '../../../core/suggest.ts';
import type { ColumnType } from '../../contract.ts';

/** What a filter can compare, by Hive type. */
export type ComparableKind = 'string' | 'number' | 'boolean' | 'date' | 'timestamp';

const KINDS: readonly [RegExp, ComparableKind][] = [
  [
    /^(?:tinyint|smallint|int|integer|bigint|long|float|double|real|decimal(?:\s*\(.*\))?|numeric(?:\s*\(.*\))?)$/,
    'number',
  ],
  [/^(?:string|varchar(?:\s*\(\d+\))?|char(?:\s*\(\d+\))?)$/, 'string'],
  [/^(?:boolean|bool)$/, 'boolean'],
  [/^date$/, 'date'],
  [/^timestamp/, 'timestamp'],
];

/** The kind of a Hive type, or undefined when filters cannot compare it (structs, arrays, maps, binary). */
export function kindOfType(type: string): ComparableKind | undefined {
  const folded = type.trim().toLowerCase();
  return KINDS.find(([pattern]) => pattern.test(folded))?.[1];
}

/**
 * The type at a path of names, from a column down its structs.
 * **Errors**: `column_not_found` naming the part that is missing; `type_mismatch` for a path into something else.
 */
export function typeAtPath(path: readonly string[], columns: readonly ColumnType[]): string {
  const [first, ...rest] = path as [string, ...string[]];
  const column = columns.find((candidate) => candidate.name.toLowerCase() === first);
  if (column === undefined) {
    const names = columns.map((candidate) => candidate.name);
    const near = nearestNames(first, names, 1)[0];
    throw new LochError(
      'column_not_found',
      `Column \`${first}\` does not exist.${near === undefined ? '' : ` Did you mean \`${near}\`?`}`,
      { context: { column: first } },
    );
  }
  let type = column.type;
  for (const name of rest) {
    const field = structFields(type)?.find((candidate) => candidate.name.toLowerCase() === name);
    if (field === undefined) {
      const what = structFields(type) === undefined ? `\`${type}\` has no fields` : `there is no field \`${name}\``;
      throw new LochError('column_not_found', `\`${path.join('.')}\`: ${what}.`, {
        context: { column: path.join('.') },
      });
    }
    type = field.type;
  }
  return type;
}

/** The fields of `struct<a:int,b:…>`, or undefined for another type. */
function structFields(type: string): ColumnType[] | undefined {
  const match = /^\s*struct\s*<(.*)>\s*$/is.exec(type);
  if (match === null) return undefined;
  const fields: ColumnType[] = [];
  let depth = 0;
  let start = 0;
  const body = `${match[1]!},`;
  for (let i = 0; i < body.length; i++) {
    const character = body[i]!;
    if (character === '<' || character === '(') depth += 1;
    else if (character === '>' || character === ')') depth -= 1;
    else if (character === ',' && depth === 0) {
      const [, name, fieldType] = /^\s*`?([^:`]+)`?\s*:(.*)$/s.exec(body.slice(start, i)) ?? [];
      if (name !== undefined) fields.push({ name: name.trim(), type: fieldType!.trim() });
      start = i + 1;
    }
  }
  return fields;
}
