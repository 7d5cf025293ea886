/**
 * Excel workbooks (.xlsx): the first sheet's header and types, from bounded beginnings of its parts.
 * **Source**: ECMA-376, SpreadsheetML; serial dates count days, so only a cell's style tells a date from a number.
 */
import { SaxesParser } from 'saxes';
import type { InferredColumn } from '../classified.ts';
import { type InferredType, mergeTypes, NOTHING, STRING, typeOfText } from '../inferred-type.ts';
import { readMember, type ZipMember } from '../packing/zip.ts';
import { headerOf } from './csv.ts';
import type { ReadRange } from './parquet.ts';

const PART_BYTES = 4 * 1024 * 1024;
const MOST_ROWS = 1_000;
const MOST_COLUMNS = 1_000;
const MOST_STRINGS = 200_000;
/** Built-in number formats that show dates; 18 to 21 and 45 to 47 show times of day alone. */
const DATES = new Set([14, 15, 16, 17, 27, 30, 31, 36, 50, 57]);
const TIMESTAMPS = new Set([22]);
const TIMES = new Set([18, 19, 20, 21, 45, 46, 47]);

type Style = 'number' | 'date' | 'timestamp' | 'time';

interface Cell {
  readonly text: string;
  readonly type: InferredType;
}

/** Walks elements and texts; a part that is cut off ends where it ends. */
function walk(
  xml: string,
  on: {
    open?(name: string, attributes: Record<string, string>): void;
    text?(text: string): void;
    close?(name: string): boolean | undefined;
  },
): void {
  const parser = new SaxesParser({ xmlns: false });
  const local = (name: string) => name.slice(name.indexOf(':') + 1);
  parser.on('opentag', (tag) => on.open?.(local(tag.name), tag.attributes as Record<string, string>));
  parser.on('text', (text) => on.text?.(text));
  parser.on('closetag', (tag) => {
    if (on.close?.(local(tag.name)) === false) throw new Error('enough');
  });
  parser.on('error', (error) => {
    throw error;
  });
  try {
    parser.write(xml);
  } catch {
    return; // cut off, or enough was seen
  }
}

function sharedStrings(xml: string): string[] {
  const strings: string[] = [];
  let current = '';
  let inText = false;
  let phonetic = false;
  walk(xml, {
    open(name) {
      if (name === 'si') current = '';
      if (name === 'rPh') phonetic = true;
      inText = name === 't' && !phonetic;
    },
    text(text) {
      if (inText) current += text;
    },
    close(name) {
      inText = false;
      if (name === 'rPh') phonetic = false;
      if (name === 'si') strings.push(current);
      return strings.length < MOST_STRINGS;
    },
  });
  return strings;
}

/** The kind of number that each cell style shows. */
function stylesOf(xml: string): Style[] {
  const custom = new Map<number, string>();
  const styles: Style[] = [];
  let inCells = false;
  walk(xml, {
    open(name, attributes) {
      if (name === 'numFmt') custom.set(Number(attributes.numFmtId), attributes.formatCode ?? '');
      if (name === 'cellXfs') inCells = true;
      if (name === 'xf' && inCells) styles.push(styleOf(Number(attributes.numFmtId ?? 0), custom));
    },
    close(name) {
      if (name === 'cellXfs') return false;
      return undefined;
    },
  });
  return styles;
}

function styleOf(id: number, custom: ReadonlyMap<number, string>): Style {
  if (DATES.has(id)) return 'date';
  if (TIMESTAMPS.has(id)) return 'timestamp';
  if (TIMES.has(id)) return 'time';
  const code = (custom.get(id) ?? '').replace(/"[^"]*"|\\.|\[[^\]]*\]/g, '').toLowerCase();
  const date = /[yd]/.test(code);
  const time = /[hs]/.test(code);
  return date && time ? 'timestamp' : date ? 'date' : time ? 'time' : 'number';
}

/** `AB12` → 27. */
function columnOf(reference: string): number {
  let column = 0;
  for (const letter of /^[A-Z]+/.exec(reference)?.[0] ?? '') column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

function cellOf(kind: string | undefined, style: Style, raw: string, strings: readonly string[]): Cell {
  switch (kind) {
    case 's': {
      const text = strings[Number(raw)] ?? '';
      return { text, type: text === '' ? NOTHING : STRING };
    }
    case 'b':
      return { text: raw === '1' ? 'true' : 'false', type: { kind: 'boolean' } };
    case 'e':
      return { text: '', type: NOTHING }; // #N/A and its like are no values
    case 'str':
    case 'inlineStr':
      return { text: raw, type: raw === '' ? NOTHING : STRING };
    case 'd':
      return { text: raw, type: { kind: 'exact', type: raw.includes('T') ? 'timestamp' : 'date' } };
    default: {
      if (raw === '') return { text: '', type: NOTHING };
      if (style === 'time') return { text: raw, type: STRING };
      if (style === 'number') return { text: raw, type: typeOfText(raw) };
      const whole = Number.isInteger(Number(raw));
      return { text: raw, type: { kind: 'exact', type: style === 'date' && whole ? 'date' : 'timestamp' } };
    }
  }
}

function rowsOf(xml: string, strings: readonly string[], styles: readonly Style[]): Cell[][] {
  const rows: Cell[][] = [];
  let row: Cell[] = [];
  let column = 0;
  let kind: string | undefined;
  let style: Style = 'number';
  let raw = '';
  let inValue = false;
  walk(xml, {
    open(name, attributes) {
      if (name === 'row') {
        row = [];
        column = 0;
      } else if (name === 'c') {
        if (attributes.r !== undefined) column = columnOf(attributes.r);
        kind = attributes.t;
        style = styles[Number(attributes.s ?? -1)] ?? 'number';
        raw = '';
      }
      inValue = name === 'v' || name === 't';
    },
    text(text) {
      if (inValue) raw += text;
    },
    close(name) {
      inValue = false;
      if (name === 'c') {
        if (column < MOST_COLUMNS) row[column] = cellOf(kind, style, raw, strings);
        column++;
      }
      if (name === 'row' && row.some((cell) => (cell?.text ?? '') !== '')) rows.push(row);
      return rows.length < MOST_ROWS;
    },
  });
  return rows;
}

/** The first sheet's part: by the workbook's order and its relations. */
function firstSheet(workbook: string, relations: string): { readonly name: string; readonly part: string } | undefined {
  let first: { name: string; id: string } | undefined;
  walk(workbook, {
    open(name, attributes) {
      if (name !== 'sheet' || first !== undefined || attributes.state === 'hidden') return;
      first = { name: attributes.name ?? '', id: attributes['r:id'] ?? '' };
    },
  });
  const sheet = first as { name: string; id: string } | undefined;
  if (sheet === undefined) return undefined;
  let target: string | undefined;
  walk(relations, {
    open(name, attributes) {
      if (name === 'Relationship' && attributes.Id === sheet.id) target = attributes.Target;
    },
  });
  return { name: sheet.name, part: (target ?? 'worksheets/sheet1.xml').replace(/^\/?(?:xl\/)?/, 'xl/') };
}

/** Whether a zip's members are those of a workbook. */
export const isWorkbook = (members: readonly ZipMember[]): boolean =>
  members.some((member) => member.name === 'xl/workbook.xml');

/** Reads the first sheet that is not hidden. */
export async function classifyExcel(
  members: readonly ZipMember[],
  read: ReadRange,
): Promise<
  | {
      readonly columns: readonly InferredColumn[];
      readonly reading: Readonly<Record<string, string>>;
      readonly records: number;
    }
  | { readonly saw: string }
> {
  const part = async (name: string): Promise<string> => {
    const member = members.find((candidate) => candidate.name === name);
    return member === undefined ? '' : (await readMember(member, read, PART_BYTES)).toString('utf8');
  };
  try {
    const sheet = firstSheet(await part('xl/workbook.xml'), await part('xl/_rels/workbook.xml.rels'));
    if (sheet === undefined) return { saw: 'a workbook without a sheet that is shown' };
    const strings = sharedStrings(await part('xl/sharedStrings.xml'));
    const rows = rowsOf(await part(sheet.part), strings, stylesOf(await part('xl/styles.xml')));
    if (rows.length === 0) return { saw: `the sheet \`${sheet.name}\` without cells` };
    const width = Math.max(...rows.map((row) => row.length));
    const typesOf = (some: readonly Cell[][]) =>
      Array.from({ length: width }, (_, n) => some.map((row) => row[n]?.type ?? NOTHING).reduce(mergeTypes, NOTHING));
    const first = Array.from({ length: width }, (_, n) => rows[0]![n]?.text ?? '');
    const body = typesOf(rows.slice(1));
    const texts = rows[0]!.every((cell) => cell === undefined || cell.type.kind === 'string' || cell.text === '');
    const names = texts && rows.length > 1 ? headerOf(first, width) : undefined;
    const header = names !== undefined;
    const types = header ? body : typesOf(rows);
    return {
      columns: types.map((type, n) => ({ name: names?.[n] || `col${n}`, type })),
      reading: { sheet: sheet.name, ...(header ? { 'skip.header.line.count': '1' } : {}) },
      records: rows.length - (header ? 1 : 0),
    };
  } catch (error) {
    return { saw: `a workbook that cannot be read (${(error as Error).message.slice(0, 100)})` };
  }
}
