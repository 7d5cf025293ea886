/** Glue/Hive column types ⇄ Iceberg types, nested ones included. */
import { LochError } from '../../core/errors.ts';
import type { IcebergField, IcebergType } from './contract-types.ts';

const TO_ICEBERG: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  tinyint: 'int',
  smallint: 'int',
  int: 'int',
  integer: 'int',
  bigint: 'long',
  long: 'long',
  float: 'float',
  real: 'float',
  double: 'double',
  'double precision': 'double',
  string: 'string',
  varchar: 'string',
  char: 'string',
  date: 'date',
  time: 'time',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  'timestamp with time zone': 'timestamptz',
  'timestamp with local time zone': 'timestamptz',
  timestamp_ns: 'timestamp_ns',
  timestamptz_ns: 'timestamptz_ns',
  uuid: 'uuid',
  binary: 'binary',
};
const KNOWN =
  'boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), string, varchar(n), char(n), date, time, timestamp, timestamptz, uuid, binary, fixed(n), array<…>, map<…,…>, struct<name:type,…>';

/** The Iceberg type of a Glue/Hive type text, ids all 0. **Errors**: `unsupported` naming the type. */
export function icebergTypeOf(text: string): IcebergType {
  const parser = new TypeParser(text);
  const type = parser.type();
  parser.end();
  return type;
}

/** The Glue/Hive type text of an Iceberg type. */
export function hiveTypeOf(type: IcebergType): string {
  if (typeof type !== 'string') {
    switch (type.type) {
      case 'struct':
        return `struct<${type.fields.map((field) => `${field.name}:${hiveTypeOf(field.type)}`).join(',')}>`;
      case 'list':
        return `array<${hiveTypeOf(type.element)}>`;
      case 'map':
        return `map<${hiveTypeOf(type.key)},${hiveTypeOf(type.value)}>`;
    }
  }
  if (type === 'long') return 'bigint';
  const fixed = /^fixed\[(\d+)\]$/.exec(type);
  if (fixed !== null) return `fixed(${fixed[1]})`;
  return type.replace(/\s+/g, '');
}

class TypeParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  type(): IcebergType {
    const name = this.#word();
    switch (name) {
      case 'array': {
        this.#expect('<');
        const element = this.type();
        this.#expect('>');
        return { type: 'list', 'element-id': 0, element, 'element-required': false };
      }
      case 'map': {
        this.#expect('<');
        const key = this.type();
        this.#expect(',');
        const value = this.type();
        this.#expect('>');
        return { type: 'map', 'key-id': 0, key, 'value-id': 0, value, 'value-required': false };
      }
      case 'struct':
        return { type: 'struct', fields: this.#fields() };
      case 'decimal':
      case 'numeric':
        return this.#decimal();
      case 'fixed':
        return `fixed[${this.#argument()}]`;
      case 'varchar':
      case 'char':
        if (this.#peek() === '(') this.#argument();
        return 'string';
      default: {
        const type = TO_ICEBERG[name];
        if (type === undefined) throw this.#unsupported(name);
        return type;
      }
    }
  }

  end(): void {
    if (this.#peek() !== '') throw this.#unsupported(this.#text);
  }

  #fields(): IcebergField[] {
    this.#expect('<');
    const fields: IcebergField[] = [];
    do {
      const name = this.#fieldName();
      this.#expect(':');
      fields.push({ id: 0, name, required: false, type: this.type() });
    } while (this.#accept(','));
    this.#expect('>');
    return fields;
  }

  #decimal(): string {
    if (this.#peek() !== '(') return 'decimal(10,0)'; // Hive's default
    this.#expect('(');
    const precision = this.#number();
    const scale = this.#accept(',') ? this.#number() : 0;
    this.#expect(')');
    if (precision < 1 || precision > 38 || scale > precision) throw this.#unsupported(`decimal(${precision},${scale})`);
    return `decimal(${precision},${scale})`;
  }

  #argument(): number {
    this.#expect('(');
    const value = this.#number();
    this.#expect(')');
    return value;
  }

  #number(): number {
    const match = /^\s*(\d{1,9})/.exec(this.#text.slice(this.#at));
    if (match === null) throw this.#unsupported(this.#text);
    this.#at += match[0].length;
    return Number(match[1]);
  }

  #word(): string {
    const rest = this.#text.slice(this.#at);
    const match = /^\s*(double precision|timestamp with (?:local )?time zone|[A-Za-z_][A-Za-z0-9_]*)/i.exec(rest);
    if (match === null) throw this.#unsupported(this.#text);
    this.#at += match[0].length;
    return match[1]!.toLowerCase().replace(/\s+/g, ' ');
  }

  #fieldName(): string {
    const match = /^\s*(?:`([^`]+)`|([^:<>,`]+?))\s*(?=:)/.exec(this.#text.slice(this.#at));
    if (match === null) throw this.#unsupported(this.#text);
    this.#at += match[0].length;
    return match[1] ?? match[2]!;
  }

  #peek(): string {
    while (this.#text[this.#at] === ' ') this.#at++;
    return this.#text[this.#at] ?? '';
  }

  #accept(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw this.#unsupported(this.#text);
  }

  #unsupported(type: string): LochError {
    const reason = /^(hugeint|uhugeint|int128|ubigint)$/i.test(type)
      ? ' Its values do not fit any Iceberg type exactly; cast the column to decimal(38,0) or bigint.'
      : '';
    return new LochError('unsupported', `The column type \`${type}\` has no Iceberg type.${reason} Known: ${KNOWN}.`, {
      context: { type },
    });
  }
}
