/**
 * Files read by what they really hold: each column found by field id at every depth, whatever it was called when the
 * file was written.
 */
import { LochError } from '../../../core/errors.ts';
import { sqlName, sqlString, sqlStrings } from '../../../core/sql-text.ts';
import type { FileField, IcebergField, IcebergType } from '../../../storage/contract.ts';
import { engineTypeOfIceberg } from './engine-types.ts';

/** The SELECT over files that all have the columns `present`. */
export function shapedRead(
  paths: readonly string[],
  present: readonly FileField[],
  fields: readonly IcebergField[],
  options: {
    readonly numbered: boolean;
    readonly names: (field: IcebergField) => string;
    /** More columns of the reader's own, from a comma on. */
    readonly identity?: string | undefined;
  },
): string {
  const list = fields.map((field) => {
    const node = present.find((candidate) => candidate.id === field.id);
    const value = node === undefined ? absent(field) : rebuilt(sqlName(node.name), node, field.type, 0);
    return `${value} AS ${sqlName(options.names(field))}`;
  });
  if (options.numbered) list.push('file_row_number');
  if (list.length === 0) list.push('1 AS "_one"');
  const numbered = options.numbered ? ', file_row_number = true' : '';
  return `SELECT ${list.join(', ')}${options.identity ?? ''} FROM read_parquet(${sqlStrings(paths)}, hive_partitioning = false${numbered})`;
}

/** Groups of files with the same columns. */
export function byShape<F extends { readonly fields?: readonly FileField[] | undefined }>(files: readonly F[]): F[][] {
  const groups = new Map<string, F[]>();
  for (const file of files) {
    const key = JSON.stringify(file.fields);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [file]);
    else group.push(file);
  }
  return [...groups.values()];
}

/** `value`, which the file has as `node`, as a value of `type`. */
function rebuilt(value: string, node: FileField, type: IcebergType, depth: number): string {
  if (typeof type === 'string') return `CAST(${value} AS ${engineTypeOfIceberg(type)})`;
  const bound = `_x${depth}`;
  switch (type.type) {
    case 'struct': {
      const members = type.fields.map((field) => {
        const child = node.children.find((candidate) => candidate.id === field.id);
        const inner =
          child === undefined
            ? absent(field)
            : rebuilt(`struct_extract(${value}, ${sqlString(child.name)})`, child, field.type, depth + 1);
        return `${sqlName(field.name)} := ${inner}`;
      });
      if (members.length === 0) return nothing(type);
      return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${members.join(', ')}) END`;
    }
    case 'list': {
      const [element] = node.children;
      if (element === undefined) return nothing(type);
      return `list_transform(${value}, lambda ${bound}: ${rebuilt(bound, element, type.element, depth + 1)})`;
    }
    case 'map': {
      const [key, item] = node.children;
      if (key === undefined || item === undefined) return nothing(type);
      const keyOf = rebuilt(`struct_extract(${bound}, 'key')`, key, type.key, depth + 1);
      const itemOf = rebuilt(`struct_extract(${bound}, 'value')`, item, type.value, depth + 1);
      const pairs = `list_transform(map_entries(${value}), lambda ${bound}: struct_pack(k := ${keyOf}, v := ${itemOf}))`;
      return `CASE WHEN ${value} IS NULL THEN NULL ELSE map_from_entries(${pairs}) END`;
    }
  }
}

const nothing = (type: IcebergType): string => `CAST(NULL AS ${engineTypeOfIceberg(type)})`;

/** The value of rows whose file lacks a field: its initial default. **Source**: Iceberg specification, "Default values". */
function absent(field: IcebergField): string {
  return valueSql(field, field.type, field['initial-default']);
}

function valueSql(field: IcebergField, type: IcebergType, value: unknown): string {
  if (value === undefined || value === null) return nothing(type);
  if (typeof type !== 'string') {
    if (type.type === 'struct' && JSON.stringify(value) === '{}') {
      const members = type.fields.map((child) => `${sqlName(child.name)} := ${absent(child)}`);
      return `CAST(struct_pack(${members.join(', ')}) AS ${engineTypeOfIceberg(type)})`;
    }
    throw new LochError(
      'unsupported',
      `Column \`${field.name}\` has an initial default of the type ${type.type}, which is not read. Write its files anew.`,
      { context: { column: field.name } },
    );
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (/^(binary|fixed)/.test(type)) return `unhex(${sqlString(text)})`;
  return `CAST(${sqlString(text)} AS ${engineTypeOfIceberg(type)})`;
}
