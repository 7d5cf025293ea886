import { type FileHandle, open, readFile } from 'node:fs/promises';
import { writeDurably } from './durable-file.ts';

/** Control characters are escaped: a line of the file is one entry, whatever its key holds. */
function cell(value: string | number): string {
  if (typeof value === 'number' || /^[\w./:=+-]*$/.test(value)) return String(value);
  const text = value.replaceAll(/\p{Cc}/gu, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${text.replaceAll('"', '""')}"`;
}

/** A CSV file that grows by a line for each object; RFC 4180. */
export class ReportFile {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens it to go on where it ends, with the header when it is new; entries from `below` on are told again. */
  static async open(path: string, columns: readonly string[], below?: number): Promise<ReportFile> {
    if (below !== undefined) await keepBelow(path, below);
    const file = await open(path, 'a', 0o600);
    if ((await file.stat()).size === 0) await file.write(`${columns.join(',')}\r\n`);
    return new ReportFile(file);
  }

  async add(values: readonly (string | number)[]): Promise<void> {
    await this.#file.write(`${values.map(cell).join(',')}\r\n`);
  }

  async close(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
  }
}

async function keepBelow(path: string, below: number): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text === '') return;
  const [header = '', ...lines] = text.split('\r\n');
  const kept = lines.slice(0, -1).filter((line) => Number(/^\d+/.exec(line)?.[0] ?? below) < below);
  await writeDurably(path, [header, ...kept, ''].join('\r\n'));
}

/** The numbers in the first column of a report: entries that are done. A line cut by a crash counts as none. */
export async function reportedEntries(path: string): Promise<Set<number>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\r\n');
  return new Set(
    lines
      .slice(1, -1)
      .map((line) => Number(/^(\d+),/.exec(line)?.[1]))
      .filter((entry) => Number.isInteger(entry)),
  );
}
