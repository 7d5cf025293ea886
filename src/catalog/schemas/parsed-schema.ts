import type { CatalogColumn } from '../contract.ts';

/** A schema of one format, read and checked. What two of them have to do with each other is their format's to say. */
export interface ParsedSchema {
  /** The same text for definitions that differ in nothing but layout. */
  readonly canonical: string;
  /** The definition as plain JSON, for differences. */
  readonly tree: unknown;
  /** Why this schema cannot read what `writer` (of the same format) wrote: one line each, with the place. None: it can. */
  problems(writer: ParsedSchema): readonly string[];
  /** The columns of a table over records of this schema. **Errors**: `invalid_argument` when it is not of records. */
  columns(): readonly CatalogColumn[];
}

/** JSON with the members of objects in order, so that equal values have one text. */
export function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${stableJson(member)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Backquotes for field names that Hive's type text cannot hold bare. */
export const hiveField = (name: string, type: string): string =>
  `${/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll('`', '')}\``}:${type}`;
