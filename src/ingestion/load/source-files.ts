import { LochError } from '../../core/errors.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { ObjectAccess, ObjectName } from '../../storage/contract.ts';
import { type CsvDialect, sniffCsv } from './csv-dialect.ts';
import { readHead } from './read-head.ts';

export type FileFormat = 'csv' | 'tsv' | 'json' | 'ndjson' | 'parquet';
export type JsonLayout = 'array' | 'lines' | 'values';

/** Files that are written alike and read by one statement. */
export type FileGroup =
  | { readonly format: 'csv'; readonly files: readonly ObjectName[]; readonly dialect: CsvDialect }
  | { readonly format: 'json'; readonly files: readonly ObjectName[]; readonly layout: JsonLayout }
  | { readonly format: 'parquet'; readonly files: readonly ObjectName[] };

const EXTENSIONS: Readonly<Record<string, FileFormat>> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  parquet: 'parquet',
};
const HEAD_BYTES = 64 << 10;
const FILES_PER_GROUP = 100;

/** The format by the extension of the key. **Errors**: `invalid_argument` naming the file and the known extensions. */
function formatOf(key: string): FileFormat {
  const extension = /\.([^./]+)$/.exec(key.replace(/\.(gz|zst)$/i, ''))?.[1]?.toLowerCase();
  const format = extension === undefined ? undefined : EXTENSIONS[extension];
  if (format !== undefined) return format;
  throw new LochError(
    'invalid_argument',
    `The format of \`${key}\` is not known by its name. Known: ${Object.keys(EXTENSIONS).join(', ')}, each also with .gz or .zst. State the format.`,
    { context: { file: key } },
  );
}

/**
 * The files in groups, in order. Each file is opened in the caller's name: who may not read it loads nothing of it.
 * **Errors**: those of `getObject`; `invalid_argument` for a format that is not known.
 */
export async function groupFiles(
  access: ObjectAccess,
  context: RequestContext,
  names: readonly ObjectName[],
  stated?: FileFormat,
): Promise<{ readonly groups: readonly FileGroup[]; readonly bytes: number }> {
  const open = new Map<string, { group: FileGroup; files: ObjectName[] }>();
  const groups: FileGroup[] = [];
  let bytes = 0;
  for (const name of names) {
    const { head, body } = await access.getObject(context, name);
    bytes += head.size;
    const shape = await shapeOf(name.key, stated ?? formatOf(name.key), () => readHead(body, name.key, HEAD_BYTES));
    body.destroy();
    const key = JSON.stringify(shape);
    const known = open.get(key);
    if (known !== undefined && known.files.length < FILES_PER_GROUP) {
      known.files.push(name);
      continue;
    }
    const files = [name];
    const group = { ...shape, files } as FileGroup;
    open.set(key, { group, files });
    groups.push(group);
  }
  return { groups, bytes };
}

type Shape =
  | { readonly format: 'csv'; readonly dialect: CsvDialect }
  | { readonly format: 'json'; readonly layout: JsonLayout }
  | { readonly format: 'parquet' };

async function shapeOf(key: string, format: FileFormat, head: () => Promise<Buffer>): Promise<Shape> {
  switch (format) {
    case 'parquet':
      return { format };
    case 'csv':
      return { format, dialect: sniffCsv(await head(), key) };
    case 'tsv':
      return { format: 'csv', dialect: sniffCsv(await head(), key, '\t') };
    default:
      return { format: 'json', layout: layoutOf((await head()).toString()) };
  }
}

function layoutOf(head: string): JsonLayout {
  const start = head.replace(/^\ufeff/, '').trimStart();
  if (start.startsWith('[')) return 'array';
  const lines = start.split('\n').slice(0, 20);
  return lines.some(isObject) ? 'lines' : 'values';
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
