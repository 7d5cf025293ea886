import type { InferredType } from './inferred-type.ts';

export interface InferredColumn {
  readonly name: string;
  readonly type: InferredType;
}

/** The dialect of a delimited text file, and what its first row would be as a header. */
export interface CsvFacts {
  readonly delimiter: string;
  readonly quote?: string;
  /** True and false when the file itself decides; undefined when its rows do not tell. */
  readonly header?: boolean;
  /** The names the first row would give, when it could be a header. */
  readonly headerNames?: readonly string[];
  /** Types of the rows after the first. */
  readonly bodyTypes: readonly InferredType[];
  /** Types of all rows, the first one among them. */
  readonly allTypes: readonly InferredType[];
}

/** What a classifier found out about one file. */
export interface Classified {
  readonly format: 'parquet' | 'json' | 'csv';
  readonly columns: readonly InferredColumn[];
  readonly compression: 'none' | 'gzip' | 'zstd' | 'snappy';
  /** Records seen, and the bytes of the (uncompressed) text they took; exact for Parquet. */
  readonly records: number;
  readonly recordBytes: number;
  readonly csv?: CsvFacts;
  /** JSON: one array, records one after the other, or one a line. */
  readonly json?: { readonly layout: 'array' | 'lines' | 'records' };
  readonly encoding?: string;
}

/** What each classifier saw in a file that none of them took. */
export interface Refusal {
  readonly refused: readonly { readonly classifier: string; readonly saw: string }[];
}

/** One line for a person: which classifier saw what. */
export function refusalText(key: string, refusal: Refusal): string {
  return `${key}: no classifier takes it. ${refusal.refused.map(({ classifier, saw }) => `${classifier}: ${saw}`).join('; ')}.`;
}
