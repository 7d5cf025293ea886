import type { FilterValue, RowFilter } from '../../contract.ts';

const PLAIN_NAME = /^[a-z_][a-z0-9_$]*$/;
const RESERVED =
  /^(?:and|between|case|cast|date|escape|exists|false|from|in|is|like|missing|not|null|or|select|timestamp|true|where)$/;

const nameText = (name: string): string =>
  PLAIN_NAME.test(name) && !RESERVED.test(name) ? name : `"${name.replaceAll('"', '""')}"`;

const pathText = (path: readonly string[]): string => path.map(nameText).join('.');

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function valueText(value: FilterValue): string {
  switch (value.kind) {
    case 'boolean':
      return value.value ? 'TRUE' : 'FALSE';
    case 'number':
      return value.text;
    case 'string':
      return quoted(value.text);
    case 'date':
      return `DATE ${quoted(value.text)}`;
    case 'timestamp':
      return `TIMESTAMP ${quoted(value.text)}`;
  }
}

/** A row filter as an expression that `parseRowFilter` reads back to an equal filter. */
export function formatRowFilter(filter: RowFilter): string {
  switch (filter.op) {
    case 'all':
      return 'TRUE';
    case 'none':
      return 'FALSE';
    case 'and':
    case 'or':
      return filter.terms
        .map((term) => (term.op === 'and' || term.op === 'or' ? `(${formatRowFilter(term)})` : formatRowFilter(term)))
        .join(filter.op === 'and' ? ' AND ' : ' OR ');
    case 'not':
      return `NOT (${formatRowFilter(filter.term)})`;
    case 'in':
      return `${pathText(filter.column)} IN (${filter.values.map(valueText).join(', ')})`;
    case 'between':
      return `${pathText(filter.column)} BETWEEN ${valueText(filter.low)} AND ${valueText(filter.high)}`;
    case 'like':
      return `${pathText(filter.column)} LIKE ${quoted(filter.pattern)}`;
    case 'is_null':
      return `${pathText(filter.column)} IS NULL`;
    default:
      return `${pathText(filter.column)} ${filter.op} ${valueText(filter.value)}`;
  }
}
