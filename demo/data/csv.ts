const CHUNK_CHARS = 64 * 1024;

function field(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows as CSV of RFC 4180 in chunks of about 64 KiB: header, `\n` line ends, NULL as an empty field. */
export function* csvChunks<Row extends object>(
  columns: readonly (keyof Row & string)[],
  rows: Iterable<Row>,
  options: { readonly header?: boolean } = {},
): Generator<Uint8Array> {
  let text = options.header === false ? '' : `${columns.join(',')}\n`;
  for (const row of rows) {
    let line = '';
    for (let i = 0; i < columns.length; i++) {
      line += (i === 0 ? '' : ',') + field(row[columns[i]!] as string | number | null);
    }
    text += `${line}\n`;
    if (text.length >= CHUNK_CHARS) {
      yield Buffer.from(text);
      text = '';
    }
  }
  if (text !== '') yield Buffer.from(text);
}
