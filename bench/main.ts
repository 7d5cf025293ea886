/** `npm run bench -- NAME [options]`: runs one bench, prints a table, and last one JSON line. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nearestNames } from '../src/core/suggest.ts';

interface Bench {
  run(args: readonly string[]): Promise<Record<string, unknown>>;
}

const [name, ...args] = process.argv.slice(2);
const files = await readdir(import.meta.dirname);
const known = files
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
if (name === undefined || !known.includes(name)) {
  const near = name === undefined ? [] : nearestNames(name, known);
  console.error(`${name === undefined ? 'Which bench?' : `No bench \`${name}\`.`} Known: ${known.join(', ')}.`);
  if (near.length > 0) console.error(`Did you mean \`${near[0]}\`?`);
  process.exit(2);
}
const bench = (await import(join(import.meta.dirname, `${name}.ts`))) as Bench;
const result = await bench.run(args);
console.table(Object.fromEntries(Object.entries(result).map(([key, value]) => [key, format(value)])));
console.log(JSON.stringify({ bench: name, ...result }));

function format(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(4));
  return typeof value === 'object' ? JSON.stringify(value) : value;
}
