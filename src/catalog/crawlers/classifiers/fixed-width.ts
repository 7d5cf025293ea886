/**
 * Fixed width: lines of one length whose columns are parted by places that are blank in every line. Files packed without
 * blanks between their columns cannot be told apart from text, and need a custom classifier.
 */
import type { TextFinding } from '../classified.ts';
import { headerOf, namedColumns, numberedColumns, typesOf } from './csv.ts';

const FEWEST_LINES = 4;
const MOST_LINES = 500;
const LONGEST_LINE = 4_096;

/** The first character of each column. */
function startsOf(lines: readonly string[], width: number): number[] {
  const starts: number[] = [];
  let blankBefore = true;
  for (let at = 0; at < width; at++) {
    const blank = lines.every((line) => line[at] === ' ' || line[at] === undefined);
    if (!blank && blankBefore) starts.push(at);
    blankBefore = blank;
  }
  return starts;
}

/** `whole` is false when the text is only the beginning of the file. */
export function classifyFixedWidth(text: string, whole: boolean): TextFinding {
  const all = text.split(/\r\n|\n|\r/);
  if (!whole) all.pop();
  const lines = all.filter((line) => line !== '').slice(0, MOST_LINES);
  if (lines.length < FEWEST_LINES)
    return { saw: `${lines.length === 1 ? 'one line' : `${lines.length} lines`}; ${FEWEST_LINES} are needed to tell` };
  const width = Math.max(...lines.map((line) => line.length));
  if (width > LONGEST_LINE) return { saw: `lines of ${width} characters` };
  if (lines.some((line) => line.includes('\t'))) return { saw: 'tabs, which have no width' };
  const full = lines.filter((line) => line.length === width).length;
  const aligned = lines.filter((line) => line.length >= width - 16).length;
  if (full < lines.length * 0.5 || aligned < lines.length) return { saw: 'lines of different lengths' };
  const starts = startsOf(lines, width);
  if (starts.length < 2) return { saw: 'no place that is blank in every line' };
  const rows = lines.map((line) => starts.map((start, n) => line.slice(start, starts[n + 1] ?? width).trim()));
  const bodyTypes = typesOf(rows.slice(1), starts.length);
  const names = headerOf(rows[0]!, starts.length);
  const tells = bodyTypes.some((type) => type.kind !== 'string' && type.kind !== 'nothing');
  const header = names !== undefined && tells;
  const allTypes = typesOf(rows, starts.length);
  if (!header && allTypes.every((type) => type.kind === 'string'))
    return { saw: 'columns of words alone, as prose has' };
  const widths = starts.map((start, n) => (starts[n + 1] ?? width) - start);
  const pattern = widths.map((size, n) => (n === widths.length - 1 ? '(.*)' : `(.{${size}})`)).join('');
  return {
    format: 'fixed_width',
    certainty: 0.8,
    columns: header ? namedColumns(names, bodyTypes) : numberedColumns(allTypes),
    reading: {
      'input.regex': `${starts[0] === 0 ? '' : `.{${starts[0]}}`}${pattern}`,
      ...(header ? { 'skip.header.line.count': '1' } : {}),
    },
    records: lines.length - (header ? 1 : 0),
    recordBytes: lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0),
  };
}
