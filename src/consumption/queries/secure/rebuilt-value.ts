/** A nested value under other field names: Delta's column mapping renames fields without touching the files. */
import { sqlName } from '../../../core/sql-text.ts';
import { hiveParts } from './engine-types.ts';

/** An expression for `value` of the type `from` with the field names of `to`; both have the same shape. */
export function rebuiltValue(value: string, from: string, to: string, depth = 0): string {
  if (from === to) return value;
  const source = hiveParts(from);
  const target = hiveParts(to);
  if (source === undefined || target === undefined || source.kind !== target.kind) return value;
  const name = `_x${depth}`;
  const inner = (item: string, n: number) => rebuiltValue(item, source.types[n]!, target.types[n]!, depth + 1);
  switch (source.kind) {
    case 'array':
      return `list_transform(${value}, lambda ${name}: ${inner(name, 0)})`;
    case 'map':
      return `map_from_entries(list_transform(map_entries(${value}), lambda ${name}: {'key': ${inner(`${name}.key`, 0)}, 'value': ${inner(`${name}.value`, 1)}}))`;
    case 'struct': {
      const fields = target.names.map(
        (field, n) => `${sqlName(field)} := ${inner(`(${value}).${sqlName(source.names[n]!)}`, n)}`,
      );
      return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ')}) END`;
    }
  }
}
