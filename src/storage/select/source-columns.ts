/** What a statement reads from: rows of texts, of JSON, or of typed columns. */
export type SelectSource =
  /** Columns in order; named ones where the file says names. Every value is a text. */
  | { readonly kind: 'csv'; readonly columns: number; readonly names?: readonly string[] }
  | { readonly kind: 'json' }
  /** Columns with the engine's type texts. */
  | { readonly kind: 'parquet'; readonly columns: readonly { readonly name: string; readonly type: string }[] };
