/** `node demo/data/write-files.ts --out DIR [--scale 0.1] [--seed TEXT]`: all sources as files, and their counts. */
import { mkdirSync, writeSync, openSync, closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ACCOUNT_COLUMNS, accounts } from './accounts.ts';
import { csvChunks } from './csv.ts';
import { CUSTOMER_COLUMNS, customers } from './customers.ts';
import { expectedFlaws, sourceSize } from './flaws.ts';
import { DEFAULT_SEED, type SourceFile, type SourceOptions } from './options.ts';
import { ratingsFile } from './ratings.ts';
import { transactionFiles } from './transactions.ts';
import { webEventRecords } from './web-events.ts';

function* allFiles(options: SourceOptions): Generator<SourceFile> {
  const { scale } = options;
  yield {
    key: 'customers.csv',
    rows: sourceSize('customers', scale),
    chunks: () => csvChunks(CUSTOMER_COLUMNS, customers(options)),
  };
  yield {
    key: 'accounts.csv',
    rows: sourceSize('accounts', scale),
    chunks: () => csvChunks(ACCOUNT_COLUMNS, accounts(options)),
  };
  yield* transactionFiles(options);
  yield { key: 'web-events.ndjson', rows: sourceSize('web_events', scale), chunks: () => webEventRecords(options) };
  yield ratingsFile(options);
}

const { values } = parseArgs({
  options: { out: { type: 'string' }, scale: { type: 'string' }, seed: { type: 'string' } },
});
if (values.out === undefined) {
  process.stderr.write('Say where to write: --out DIR [--scale 1] [--seed halden]\n');
  process.exit(2);
}
const scale = Number(values.scale ?? 1);
let bytes = 0;
for (const file of allFiles({ scale, seed: values.seed ?? DEFAULT_SEED })) {
  const path = join(values.out, file.key);
  mkdirSync(dirname(path), { recursive: true });
  const handle = openSync(path, 'w');
  for (const chunk of file.chunks()) bytes += writeSync(handle, chunk);
  closeSync(handle);
}
process.stdout.write(`${JSON.stringify({ scale, bytes, expected: expectedFlaws(scale) }, null, 2)}\n`);
