import { LochError } from '../../core/errors.ts';
import type { EngineColumn } from '../../engines/contract.ts';

const SIMPLE: Readonly<Record<string, string>> = {
  VARCHAR: 'string',
  JSON: 'string',
  UUID: 'uuid',
  BOOLEAN: 'boolean',
  TINYINT: 'int',
  SMALLINT: 'int',
  UTINYINT: 'int',
  USMALLINT: 'int',
  INTEGER: 'int',
  UINTEGER: 'bigint',
  BIGINT: 'bigint',
  UBIGINT: 'decimal(20,0)',
  HUGEINT: 'decimal(38,0)',
  FLOAT: 'float',
  DOUBLE: 'double',
  DATE: 'date',
  TIME: 'time',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamptz',
  BLOB: 'binary',
};

/** The Hive/Glue type that keeps an engine's column. **Errors**: `unsupported` naming column and type. */
export function tableTypeOf(column: EngineColumn): string {
  const reader = new TypeReader(column);
  return reader.read();
}

class TypeReader {
  readonly #column: EngineColumn;
  #rest: string;

  constructor(column: EngineColumn) {
    this.#column = column;
    this.#rest = column.type;
  }

  read(): string {
    const type = this.#type();
    if (this.#rest !== '') throw this.#unsupported();
    return type;
  }

  #type(): string {
    let type: string;
    if (this.#take(/^STRUCT\(/i)) type = `struct<${this.#fields()}>`;
    else if (this.#take(/^MAP\(/i)) {
      const key = this.#type();
      this.#expect(/^,\s*/);
      const value = this.#type();
      this.#expect(/^\)/);
      type = `map<${key},${value}>`;
    } else if (this.#take(/^ENUM\((?:[^()']|'(?:[^']|'')*')*\)/i)) type = 'string';
    else {
      const decimal = this.#take(/^DECIMAL\((\d+),\s*(\d+)\)/i);
      const known = decimal ?? this.#take(/^[A-Z_]+(?: WITH TIME ZONE)?/i);
      const simple = decimal ? `decimal(${decimal[1]},${decimal[2]})` : SIMPLE[known?.[0].toUpperCase() ?? ''];
      if (simple === undefined) throw this.#unsupported();
      type = simple;
    }
    while (this.#take(/^\[\d*\]/)) type = `array<${type}>`;
    return type;
  }

  #fields(): string {
    const fields: string[] = [];
    do {
      const quoted = this.#take(/^"((?:[^"]|"")*)"\s+/);
      const plain = quoted ?? this.#take(/^([^\s"(),]+)\s+/);
      if (plain === undefined) throw this.#unsupported();
      fields.push(`${plain[1]!.replaceAll('""', '"')}:${this.#type()}`);
    } while (this.#take(/^,\s*/));
    this.#expect(/^\)/);
    return fields.join(',');
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    const match = pattern.exec(this.#rest) ?? undefined;
    if (match !== undefined) this.#rest = this.#rest.slice(match[0].length);
    return match;
  }

  #expect(pattern: RegExp): void {
    if (this.#take(pattern) === undefined) throw this.#unsupported();
  }

  #unsupported(): LochError {
    const { name, type } = this.#column;
    return new LochError('unsupported', `Column \`${name}\` has type ${type}, which a table cannot hold.`, {
      context: { column: name, type },
    });
  }
}
