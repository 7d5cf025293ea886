/**
 * Names of a file's fields as names of table columns: lower case, letters, digits and `_` only, distinct. An empty name
 * becomes `column_<n>`.
 */
export function columnNames(fields: readonly string[]): string[] {
  const taken = new Set<string>();
  return fields.map((field, i) => {
    const folded = field
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, '_')
      .replace(/^_+|_+$/g, '');
    const base = folded === '' ? `column_${i + 1}` : folded;
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}_${n}`;
    taken.add(name);
    return name;
  });
}
