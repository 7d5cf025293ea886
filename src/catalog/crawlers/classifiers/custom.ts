/** Classifiers that people define: a grok pattern, a row tag, a JSON path, a dialect of delimited text. */
import { toLochError } from '../../../core/errors.ts';
import type { ClassifierRecord } from '../../contract.ts';
import type { InferredColumn, TextFinding } from '../classified.ts';
import { classifyCsv } from './csv.ts';
import { classifyGrok, type GrokMatcher } from './grok.ts';
import { classifyJson } from './json.ts';
import { classifyXml } from './xml.ts';

const CSV_TYPES: Readonly<Record<string, string>> = {
  BINARY: 'binary',
  BOOLEAN: 'boolean',
  DATE: 'date',
  DECIMAL: 'decimal(38,10)',
  DOUBLE: 'double',
  FLOAT: 'float',
  INT: 'int',
  LONG: 'bigint',
  SHORT: 'smallint',
  STRING: 'string',
  TIMESTAMP: 'timestamp',
};
/** What a CSV classifier may call its columns' types. */
export const CSV_TYPE_NAMES = Object.keys(CSV_TYPES);

/** What a custom classifier makes of a text; its own failure is what it saw, and the next one is tried. */
export async function classifyCustom(
  classifier: ClassifierRecord,
  text: string,
  whole: boolean,
  matcher: GrokMatcher,
): Promise<TextFinding> {
  try {
    switch (classifier.kind) {
      case 'grok':
        return await classifyGrok(matcher, text, whole, classifier);
      case 'xml': {
        const found = classifyXml(text, whole, classifier.rowTag);
        return 'saw' in found ? found : { ...found, classification: classifier.classification };
      }
      case 'json':
        return classifyJson(text, classifier.path);
      case 'csv': {
        const found = classifyCsv(text, whole, classifier);
        if ('saw' in found) return found;
        const types = classifier.datatypes;
        const reading = classifier.serde === undefined ? {} : { reading: { serde: classifier.serde } };
        if (types === undefined) return { ...found, certainty: 1, ...reading };
        if (types.length !== found.columns.length) {
          return { saw: `${found.columns.length} columns; its types are ${types.length}` };
        }
        const columns = found.columns.map(
          ({ name }, n): InferredColumn => ({
            name,
            type: { kind: 'exact', type: CSV_TYPES[types[n]!.toUpperCase()]! },
          }),
        );
        return { ...found, certainty: 1, columns, ...reading };
      }
    }
  } catch (error) {
    return { saw: `a failure of its own (${toLochError(error).message.slice(0, 200)})` };
  }
}
