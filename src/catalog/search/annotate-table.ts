import { LochError } from '../../core/errors.ts';
import type { CatalogColumn, TableRecord } from '../contract.ts';
import { fold } from '../databases/parts.ts';
import { resolveTable } from '../databases/resolve-table.ts';
import { inputOf } from '../databases/table-definition.ts';
import { updateTable } from '../databases/update-table.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { BusinessWords, Discovery } from './contract.ts';
import glossaryStore from './store.ts';

const MOST_WORDS = 50;
const LONGEST = 255;

type Words = Pick<BusinessWords, 'owner' | 'steward' | 'sensitivity' | 'terms' | 'tags'>;

/** The parameters with the words given; an empty one is kept as empty, so that it says "taken away". */
function withWords(parameters: Readonly<Record<string, string>>, words: Words): Record<string, string> {
  const next = { ...parameters };
  for (const name of ['owner', 'steward', 'sensitivity', 'terms', 'tags'] as const) {
    const value = words[name];
    if (value === undefined) continue;
    const list = typeof value === 'string' ? [value] : value;
    if (list.length > MOST_WORDS || list.some((word) => word.length > LONGEST)) {
      throw new LochError('invalid_argument', `\`${name}\` may have ${MOST_WORDS} words of ${LONGEST} characters.`);
    }
    if (typeof value !== 'string' && value.some((word) => word.includes(',') || word.trim() === '')) {
      throw new LochError('invalid_argument', `A word of \`${name}\` is empty or has a comma.`);
    }
    next[`loch.${name}`] = list.map((word) => word.trim()).join(',');
  }
  return next;
}

/** Sets what people say of a table and its columns, as a new version of it. */
export const annotateTable =
  (parts: CatalogParts): Discovery['annotate'] =>
  async (context, given, words): Promise<TableRecord> => {
    const name = fold(given);
    const { record } = await resolveTable(parts)(context, name);
    const columns = new Map(Object.entries(words.columns ?? {}).map(([column, of]) => [column.toLowerCase(), of]));
    const known = new Set([...record.columns, ...record.partitionKeys].map((column) => column.name));
    const odd = [...columns.keys()].find((column) => !known.has(column));
    if (odd !== undefined) {
      throw new LochError('column_not_found', `Table \`${name.database}.${name.table}\` has no column \`${odd}\`.`, {
        context: { ...name, column: odd },
      });
    }
    const terms = [...(words.terms ?? []), ...[...columns.values()].flatMap((column) => column.terms ?? [])];
    const glossary = new Set((await parts.store.read(glossaryStore.procedures.terms, {})).map((term) => term.name));
    const unknown = terms.find((term) => !glossary.has(term));
    if (unknown !== undefined) {
      throw new LochError('invalid_argument', `The glossary has no term \`${unknown}\`. Add it first.`, {
        context: { term: unknown },
      });
    }
    const annotated = (all: readonly CatalogColumn[]) =>
      all.map((column): CatalogColumn => {
        const of = columns.get(column.name);
        if (of === undefined) return column;
        const { comment, ...rest } = of;
        return {
          ...column,
          ...(comment === undefined ? {} : { comment }),
          parameters: withWords(column.parameters ?? {}, rest),
        };
      });
    const { description } = words;
    return updateTable(parts)(
      context,
      name.database,
      {
        ...inputOf(record),
        columns: annotated(record.columns),
        partitionKeys: annotated(record.partitionKeys),
        parameters: withWords(record.parameters, words),
        ...(description === undefined ? {} : { description }),
      },
      { expectedVersion: record.version },
    );
  };
