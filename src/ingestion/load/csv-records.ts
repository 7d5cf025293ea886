/** A record of a CSV text and where it starts. */
export interface CsvRecord {
  readonly fields: readonly string[];
  /** 1-based number of the physical line it starts on. */
  readonly line: number;
}

/**
 * Records of a CSV text that comes in pieces. **Source**: RFC 4180, with any delimiter and line end; empty lines are
 * no records.
 */
export class CsvRecords {
  readonly #delimiter: string;
  readonly #quote: string;
  #fields: string[] = [];
  #field = '';
  #state: 'start' | 'plain' | 'quoted' | 'quote_in_quoted' = 'start';
  #line = 1;
  #recordLine = 1;
  #afterReturn = false;
  #any = false;

  constructor(options: { readonly delimiter: string; readonly quote: string }) {
    this.#delimiter = options.delimiter;
    this.#quote = options.quote;
  }

  /** The records that `text` completes. */
  *push(text: string): Generator<CsvRecord> {
    for (const char of text) {
      const lineEnd = char === '\n' || char === '\r';
      const secondOfPair = char === '\n' && this.#afterReturn;
      this.#afterReturn = char === '\r';
      if (lineEnd && !secondOfPair) this.#line++;
      if (this.#state === 'quoted') {
        if (char === this.#quote) this.#state = 'quote_in_quoted';
        else this.#field += char;
        continue;
      }
      if (this.#state === 'quote_in_quoted' && char === this.#quote) {
        this.#field += char;
        this.#state = 'quoted';
        continue;
      }
      if (lineEnd) {
        if (secondOfPair) {
          this.#recordLine = this.#line;
          continue;
        }
        const record = this.#finish();
        if (record !== undefined) yield record;
      } else if (char === this.#delimiter) {
        this.#fields.push(this.#field);
        this.#field = '';
        this.#state = 'start';
        this.#any = true;
      } else if (this.#state === 'start' && char === this.#quote) {
        this.#state = 'quoted';
        this.#any = true;
      } else {
        this.#field += char;
        this.#state = 'plain';
        this.#any = true;
      }
    }
  }

  /** The last record, when the text did not end with a line end. */
  end(): CsvRecord | undefined {
    return this.#finish();
  }

  #finish(): CsvRecord | undefined {
    const record = this.#any ? { fields: [...this.#fields, this.#field], line: this.#recordLine } : undefined;
    this.#fields = [];
    this.#field = '';
    this.#state = 'start';
    this.#any = false;
    this.#recordLine = this.#line;
    return record;
  }
}
