import type { InferredType } from './inferred-type.ts';

export interface InferredColumn {
  readonly name: string;
  readonly type: InferredType;
}

/** The dialect of a delimited text file, and what its first row would be as a header. */
export interface CsvFacts {
  readonly delimiter: string;
  readonly quote?: string;
  /** `backslash` where quotes inside quotes are escaped so; doubled otherwise. */
  readonly escape?: 'backslash';
  /** True and false when the file itself decides; undefined when its rows do not tell. */
  readonly header?: boolean;
  /** The names the first row would give, when it could be a header. */
  readonly headerNames?: readonly string[];
  /** Types of the rows after the first. */
  readonly bodyTypes: readonly InferredType[];
  /** Types of all rows, the first one among them. */
  readonly allTypes: readonly InferredType[];
}

/** What a crawler tells apart. `grok` is text that a pattern of lines takes apart: logs, and custom classifiers. */
export type ClassifiedFormat = 'parquet' | 'avro' | 'orc' | 'excel' | 'json' | 'xml' | 'grok' | 'csv' | 'fixed_width';

export type Compression = 'none' | 'gzip' | 'zstd' | 'snappy' | 'bzip2' | 'lz4' | 'zip' | 'zlib';

/** What a classifier found out about one file. */
export interface Classified {
  readonly format: ClassifiedFormat;
  readonly columns: readonly InferredColumn[];
  readonly compression: Compression;
  /** 0 to 1: how sure the classifier is. 1 ends the search. */
  readonly certainty: number;
  /** Records seen, and the bytes of the (uncompressed) text they took; exact for Parquet, ORC. */
  readonly records: number;
  readonly recordBytes: number;
  /** The table's `classification` where it is not the format's name: a kind of log, a custom classifier's word. */
  readonly classification?: string;
  /** What a reader of the format must know besides: the row tag, the pattern, the sheet. */
  readonly reading?: Readonly<Record<string, string>>;
  readonly csv?: CsvFacts;
  /** JSON: one array, records one after the other, or one a line. */
  readonly json?: { readonly layout: 'array' | 'lines' | 'records'; readonly path?: string };
  readonly encoding?: string;
}

/** What a classifier says of text: what it is, or what it saw instead. */
export type TextFinding = Omit<Classified, 'compression'> | { readonly saw: string };

/** What each classifier saw in a file that none of them took. */
export interface Refusal {
  readonly refused: readonly { readonly classifier: string; readonly saw: string }[];
}

/** One line for a person: which classifier saw what. */
export function refusalText(key: string, refusal: Refusal): string {
  return `${key}: no classifier takes it. ${refusal.refused.map(({ classifier, saw }) => `${classifier}: ${saw}`).join('; ')}.`;
}
