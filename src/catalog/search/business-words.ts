/** Business words as they stand in the parameters of tables and columns. */
import { createHash } from 'node:crypto';
import type { CatalogColumn, TableInput, TableRecord } from '../contract.ts';
import { FACETS, type Facet } from './contract.ts';

const PREFIX = 'loch.';
/** The parameters that people set and that an engine's update keeps. */
export const BUSINESS = ['owner', 'steward', 'sensitivity', 'terms', 'tags'].map((word) => `${PREFIX}${word}`);

type Parameters = Readonly<Record<string, string>> | undefined;

/** A word of a table or column, or undefined. */
export const wordOf = (parameters: Parameters, word: string): string | undefined => {
  const text = parameters?.[`${PREFIX}${word}`]?.trim();
  return text === '' ? undefined : text;
};

/** A list of words of a table or column. */
export const listOf = (parameters: Parameters, word: string): string[] =>
  (wordOf(parameters, word) ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

type Described = Pick<TableRecord, 'columns' | 'partitionKeys' | 'parameters' | 'owner'> & {
  readonly database: string;
  readonly format: string;
};

/** The values of a table by facet; terms and sensitivity are those of its columns as well. */
export function facetsOf(table: Described): Readonly<Record<Facet, readonly string[]>> {
  const columns = [...table.columns, ...table.partitionKeys];
  const one = (word: string) => wordOf(table.parameters, word) ?? [];
  const unique = (values: readonly string[]) => [...new Set(values)];
  const format = table.format === 'unknown' ? (table.parameters.classification ?? 'unknown') : table.format;
  return {
    database: [table.database],
    format: [format],
    owner: [one('owner')].flat(),
    steward: [one('steward')].flat(),
    sensitivity: unique(
      [one('sensitivity'), ...columns.flatMap(({ parameters }) => wordOf(parameters, 'sensitivity') ?? [])].flat(),
    ),
    term: unique([
      ...listOf(table.parameters, 'terms'),
      ...columns.flatMap(({ parameters }) => listOf(parameters, 'terms')),
    ]),
    tag: listOf(table.parameters, 'tags'),
  };
}

/** A word that stands in the full-text index for one value of a facet. */
export const facetToken = (facet: Facet, value: string): string =>
  `facet${Number.parseInt(createHash('sha256').update(`${facet} ${value.toLowerCase()}`).digest('hex').slice(0, 12), 16)}`;

/** What of the business words is searched: the words themselves, and a token for each facet value. */
export function searchedWords(table: Described): string {
  const facets = facetsOf(table);
  const words = ['owner', 'steward', 'sensitivity', 'term', 'tag'] as const;
  return [
    ...words.flatMap((facet) => facets[facet]),
    ...FACETS.flatMap((facet) => facets[facet].map((value) => facetToken(facet, value))),
  ].join(' ');
}

/** An update with the business words that it does not name: an engine that rewrites a table leaves them as they were. */
export function withBusinessWords(before: TableRecord, input: TableInput): TableInput {
  const kept = (old: Parameters, given: Parameters): Parameters => {
    const missing = BUSINESS.filter((name) => old?.[name] !== undefined && given?.[name] === undefined);
    return missing.length === 0
      ? given
      : { ...given, ...Object.fromEntries(missing.map((name) => [name, old![name]!])) };
  };
  const known = new Map([...before.columns, ...before.partitionKeys].map((column) => [column.name, column]));
  const columns = (all: readonly CatalogColumn[]) =>
    all.map((column) => {
      const parameters = kept(known.get(column.name.toLowerCase())?.parameters, column.parameters);
      return parameters === undefined || parameters === column.parameters ? column : { ...column, parameters };
    });
  const parameters = kept(before.parameters, input.parameters);
  return {
    ...input,
    columns: columns(input.columns),
    ...(input.partitionKeys === undefined ? {} : { partitionKeys: columns(input.partitionKeys) }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}
