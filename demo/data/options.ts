/** What source data to make: the same options give the same bytes. */
export interface SourceOptions {
  /** 1 gives 50,000 customers and 1,000,000 transactions. */
  readonly scale: number;
  readonly seed: string;
}

/** A file of a source: its key under the landing prefix, and its bytes, made while they are read. */
export interface SourceFile {
  readonly key: string;
  readonly rows: number;
  chunks(): Generator<Uint8Array>;
}

export const DEFAULT_SEED = 'halden';
