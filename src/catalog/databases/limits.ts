/** The limits of names and definitions. **Source**: AWS Glue API reference, types Database, Table, Column. */
import { LochError } from '../../core/errors.ts';
import type { CatalogColumn, DatabaseInput, TableInput } from '../contract.ts';

const NAME_LENGTH = 255;
const COMMENT_LENGTH = 255;
const TYPE_LENGTH = 131_072;
const DESCRIPTION_LENGTH = 2048;
const PARAMETER_KEY_LENGTH = 255;
const PARAMETER_VALUE_BYTES = 512_000;
const LOCATION_LENGTH = 2056;
const COLUMNS = 10_000;
/** What would end a name inside an ARN, a path or an S3 key prefix. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const FORBIDDEN = /[\u0000-\u001f\u007f/\\]/;

const invalid = (message: string, context: Record<string, string | number>) =>
  new LochError('invalid_argument', message, { context });

/** A name as it is stored: in lower case. **Errors**: `invalid_argument`. */
export function foldName(name: unknown, what: string): string {
  if (typeof name !== 'string' || name.length === 0) {
    throw invalid(`The name of the ${what} is missing. Give 1 to ${NAME_LENGTH} characters.`, { what });
  }
  if (name.length > NAME_LENGTH) {
    throw invalid(
      `The name of the ${what} has ${name.length} characters; the limit is ${NAME_LENGTH}. Shorten \`${name.slice(0, 40)}…\`.`,
      { what, length: name.length },
    );
  }
  if (FORBIDDEN.test(name) || name.trim() === '' || name === '.' || name === '..') {
    throw invalid(
      `\`${name}\` is not a name for a ${what}: slashes and control characters are not allowed. Use letters, digits and underscores.`,
      { what, name },
    );
  }
  return name.toLowerCase();
}

function checkParameters(parameters: Readonly<Record<string, string>> | undefined, where: string): void {
  for (const [key, value] of Object.entries(parameters ?? {})) {
    if (key.length === 0 || key.length > PARAMETER_KEY_LENGTH) {
      throw invalid(
        `A parameter key of ${where} has ${key.length} characters; it must have 1 to ${PARAMETER_KEY_LENGTH}.`,
        { where },
      );
    }
    if (typeof value !== 'string' || Buffer.byteLength(value) > PARAMETER_VALUE_BYTES) {
      throw invalid(`Parameter \`${key}\` of ${where} must be text of at most ${PARAMETER_VALUE_BYTES} bytes.`, {
        where,
        key,
      });
    }
  }
}

function checkDescription(description: string | undefined, where: string): void {
  if ((description?.length ?? 0) > DESCRIPTION_LENGTH) {
    throw invalid(
      `The description of ${where} has ${description!.length} characters; the limit is ${DESCRIPTION_LENGTH}.`,
      { where },
    );
  }
}

function checkLocation(location: string | undefined, where: string): void {
  if ((location?.length ?? 0) > LOCATION_LENGTH) {
    throw invalid(`The location of ${where} has ${location!.length} characters; the limit is ${LOCATION_LENGTH}.`, {
      where,
    });
  }
}

/** **Errors**: `invalid_argument` naming the field of a database that is over its limit. */
export function checkDatabase(name: string, input: DatabaseInput): void {
  const where = `database \`${name}\``;
  checkDescription(input.description, where);
  checkLocation(input.locationUri, where);
  checkParameters(input.parameters, where);
}

/** Columns with folded names and checked types. **Errors**: `invalid_argument` naming the column. */
export function foldColumns(columns: readonly CatalogColumn[], where: string): CatalogColumn[] {
  return columns.map((column) => {
    const name = foldName(column.name, `column of ${where}`);
    const type = column.type?.trim() ?? '';
    if (type.length === 0 || type.length > TYPE_LENGTH) {
      throw invalid(
        `Column \`${name}\` of ${where} needs a type of 1 to ${TYPE_LENGTH} characters, such as \`bigint\` or \`decimal(12,2)\`.`,
        { where, column: name },
      );
    }
    checkType(type, name, where);
    if ((column.comment?.length ?? 0) > COMMENT_LENGTH) {
      throw invalid(`The comment of column \`${name}\` of ${where} is longer than ${COMMENT_LENGTH} characters.`, {
        where,
        column: name,
      });
    }
    checkParameters(column.parameters, `column \`${name}\` of ${where}`);
    return { ...column, name, type };
  });
}

const SIMPLE_TYPES = new Set(
  'tinyint smallint int integer bigint long float double real decimal numeric string char varchar text boolean binary date time timestamp timestamptz timestamp_ntz timestamp_ltz interval uuid void any unknown super geometry geography variant'.split(
    ' ',
  ),
);

/** **Source**: Hive type grammar. **Errors**: `invalid_argument` at the column. */
function checkType(type: string, column: string, where: string): void {
  const fail = (problem: string): never => {
    throw invalid(
      `Column \`${column}\` of ${where} has the type \`${type.slice(0, 200)}\`: ${problem}. Write a Hive type such as \`bigint\`, \`array<string>\` or \`struct<a:int>\`.`,
      { where, column },
    );
  };
  let at = 0;
  const skip = () => {
    while (type[at] === ' ') at++;
  };
  const expect = (char: string) => {
    skip();
    if (type[at] !== char) fail(`\`${char}\` was expected at character ${at + 1}`);
    at++;
  };
  const word = (pattern: RegExp): string => {
    skip();
    pattern.lastIndex = at;
    const found = pattern.exec(type)?.[0] ?? '';
    at += found.length;
    return found;
  };
  const parse = (depth: number): void => {
    if (depth > 100) fail('it is nested deeper than 100 levels');
    const name = word(/[A-Za-z_][A-Za-z0-9_]*/y).toLowerCase();
    if (name === 'array') {
      expect('<');
      parse(depth + 1);
      expect('>');
    } else if (name === 'map') {
      expect('<');
      parse(depth + 1);
      expect(',');
      parse(depth + 1);
      expect('>');
    } else if (name === 'struct' || name === 'uniontype') {
      expect('<');
      for (;;) {
        if (name === 'struct') {
          if (word(/`[^`]+`|[^:<>,\s][^:<>,]*/y) === '') fail(`a field name was expected at character ${at + 1}`);
          expect(':');
        }
        parse(depth + 1);
        skip();
        if (type[at] !== ',') break;
        at++;
      }
      expect('>');
    } else if (SIMPLE_TYPES.has(name)) {
      word(/\(\s*\d+\s*(,\s*\d+\s*)?\)/y);
      if (name === 'timestamp') word(/with(out)?( local)? time zone/iy);
      if (name === 'double') word(/precision/iy);
    } else {
      fail(name === '' ? `a type was expected at character ${at + 1}` : `\`${name}\` is not a known type`);
    }
  };
  parse(0);
  skip();
  if (at < type.length) fail(`nothing was expected after character ${at}`);
}

/** A table input within the limits, its names folded. */
export interface CheckedTable extends TableInput {
  /** Column names as they were given where folding lost the seams of their words (`customerEmail`), for the search. */
  readonly spelling?: string;
}

/** **Errors**: `invalid_argument` naming what is wrong. */
export function checkTable(input: TableInput): CheckedTable {
  const name = foldName(input.name, 'table');
  const where = `table \`${name}\``;
  checkDescription(input.description, where);
  checkLocation(input.storage?.location, where);
  checkParameters(input.parameters, where);
  checkParameters(input.storage?.serdeParameters, where);
  const columns = foldColumns(input.columns, where);
  const partitionKeys = foldColumns(input.partitionKeys ?? [], where);
  if (columns.length + partitionKeys.length > COLUMNS) {
    throw invalid(`${where} has ${columns.length + partitionKeys.length} columns; the limit is ${COLUMNS}.`, {
      table: name,
    });
  }
  const seen = new Set<string>();
  for (const column of [...columns, ...partitionKeys]) {
    if (seen.has(column.name)) {
      throw invalid(`Column \`${column.name}\` stands twice in ${where}. Give each column its own name.`, {
        table: name,
        column: column.name,
      });
    }
    seen.add(column.name);
  }
  const spelling = input.columns.map((column) => column.name).filter((column) => /[a-z0-9][A-Z]/.test(column));
  return {
    ...input,
    name,
    columns,
    partitionKeys,
    ...(spelling.length === 0 ? {} : { spelling: spelling.join(' ') }),
  };
}
