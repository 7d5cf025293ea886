const WIDEST = 60;

/** Rows as an aligned text table; NULL is shown as `NULL`, long cells are cut with `…`. */
export function renderTable(header: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  const shown = rows.map((row) => row.map((cell) => clip(cell === null ? 'NULL' : cell.replaceAll(/[\r\n\t]/g, ' '))));
  const widths = header.map((name, i) => Math.max(name.length, ...shown.map((row) => row[i]?.length ?? 0)));
  const numeric = header.map(
    (_, i) => rows.length > 0 && rows.every((row) => row[i] === null || /^-?\d+(\.\d+)?$/.test(row[i] ?? 'x')),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...shown.map(line)].join('\n');
}

const clip = (text: string): string => (text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text);
