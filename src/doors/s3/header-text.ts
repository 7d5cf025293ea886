import { isUtf8 } from 'node:buffer';

/** The text a client meant: Node reads header bytes as Latin-1, clients send UTF-8. */
export function headerText(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

/** A header value as Node sends it: its UTF-8 bytes, without characters that would end the header. */
export function headerBytes(value: string | number): string | number {
  if (typeof value === 'number') return value;
  const line = value.replace(/[\p{Cc}]/gu, (character) => (character === '\t' ? character : ' '));
  return /[^\u0020-\u007e\t]/.test(line) ? Buffer.from(line, 'utf8').toString('latin1') : line;
}
