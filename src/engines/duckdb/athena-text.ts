/**
 * Values as Athena writes them into result files: timestamps with milliseconds, `[1, 2]`, `{a=1, b=x}`, `{k=v}`,
 * binary as hex pairs. **Source**: the text forms of Athena's CSV results (CON-QRY-06).
 */
import { sqlName, sqlString } from '../../core/sql-text.ts';
import { parseEngineType, type EngineType } from './engine-type.ts';

/** A SQL expression of type VARCHAR that renders `expression`, a value of the engine type `typeText`. */
export function athenaText(expression: string, typeText: string): string {
  return textOf(expression, parseEngineType(typeText), 0);
}

function textOf(value: string, type: EngineType, depth: number): string {
  const item = `_v${depth}`;
  switch (type.kind) {
    case 'list': {
      const inner = nullable(item, type.element, depth + 1);
      return `('[' || array_to_string(list_transform(${value}, lambda ${item}: ${inner}), ', ') || ']')`;
    }
    case 'struct': {
      const fields = type.fields.map(
        ({ name, type: fieldType }) =>
          `${sqlString(`${name}=`)} || ${nullable(`struct_extract(${value}, ${sqlString(name)})`, fieldType, depth + 1)}`,
      );
      return `CASE WHEN ${value} IS NULL THEN NULL ELSE '{' || ${fields.join(` || ', ' || `)} || '}' END`;
    }
    case 'map': {
      const key = nullable(`${item}.key`, type.key, depth + 1);
      const entry = `${key} || '=' || ${nullable(`${item}.value`, type.value, depth + 1)}`;
      return `('{' || array_to_string(list_transform(map_entries(${value}), lambda ${item}: ${entry}), ', ') || '}')`;
    }
    case 'scalar':
      return scalarText(value, type.name);
  }
}

function nullable(value: string, type: EngineType, depth: number): string {
  return `coalesce(${textOf(value, type, depth)}, 'null')`;
}

function scalarText(value: string, type: string): string {
  if (type === 'TIMESTAMP' || type.startsWith('TIMESTAMP_')) {
    return `strftime(CAST(${value} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')`;
  }
  if (type === 'TIMESTAMP WITH TIME ZONE') {
    return `(strftime(CAST(${value} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g') || ' ' || ${sqlName('current_setting')}('TimeZone'))`;
  }
  if (type === 'TIME') return `(CAST(${value} AS VARCHAR)[1:8] || rpad(CAST(${value} AS VARCHAR)[9:12], 4, '.000'))`;
  if (type === 'BLOB') return `rtrim(regexp_replace(lower(hex(${value})), '(..)', '\\1 ', 'g'))`;
  if (type === 'DOUBLE' || type === 'FLOAT') {
    return `CASE WHEN isnan(${value}) THEN 'NaN' WHEN isinf(${value}) THEN CASE WHEN ${value} > 0 THEN 'Infinity' ELSE '-Infinity' END ELSE CAST(${value} AS VARCHAR) END`;
  }
  return `CAST(${value} AS VARCHAR)`;
}
