/** `loch load` and `loch query` on data nobody here wrote: files of the package vega-datasets. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DATA = join(ROOT, 'node_modules', 'vega-datasets', 'data');
let loch: RunningLoch;

beforeAll(async () => {
  loch = await startLoch();
});
afterAll(() => loch?.stop());

function run(...args: string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
  const main = join(ROOT, 'src', 'cli', 'main.ts');
  const done = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, ...args, '--data', loch.data],
    { encoding: 'utf8' },
  );
  return { code: done.status, out: done.stdout, err: done.stderr };
}

const ask = (sql: string): string => run('query', '--csv', sql).out.trim().split('\n').slice(1).join('\n');

it('loads a CSV with real types', () => {
  const { code, out } = run('load', join(DATA, 'seattle-weather.csv'));
  expect(code).toBe(0);
  expect(out).toContain('Loaded 1461 rows into curated.seattle_weather');
  expect(out).toMatch(/date +date/);
  expect(ask("SELECT count(*), min(date), max(temp_max) FROM seattle_weather WHERE weather = 'sun'")).toBe(
    '"640","2012-01-08","35.0"',
  );
});

it('loads a JSON array and a Parquet file of three million rows', () => {
  expect(run('load', join(DATA, 'cars.json')).out).toContain('Loaded 406 rows into curated.cars');
  expect(ask("SELECT count(*) FROM cars WHERE origin = 'Japan'")).toBe('"79"');
  expect(run('load', join(DATA, 'flights-3m.parquet')).out).toContain('Loaded 3000000 rows into curated.flights_3m');
  expect(ask('SELECT count(*) FROM flights_3m')).toBe('"3000000"');
});

it('loads packed files, and a folder of them as one table', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loch-load-'));
  const [header, ...rows] = readFileSync(join(DATA, 'seattle-weather.csv'), 'utf8').trimEnd().split('\n');
  writeFileSync(join(folder, 'a.csv.gz'), gzipSync(`${[header, ...rows.slice(0, 700)].join('\n')}\n`));
  writeFileSync(join(folder, 'b.csv.zst'), zstdCompressSync(`${[header, ...rows.slice(700)].join('\n')}\n`));
  expect(run('load', folder, '--table', 'curated.weather_parts').out).toContain('Loaded 1461 rows');
  expect(ask('SELECT count(*), max(temp_max) FROM weather_parts')).toBe('"1461","35.6"');
});

it('refuses to make a table twice, and adds or replaces when told to', () => {
  const file = join(DATA, 'seattle-weather.csv');
  const again = run('load', file);
  expect(again.code).toBe(1);
  expect(again.err).toMatch(/seattle_weather/);
  expect(run('load', file, '--append').code).toBe(0);
  expect(ask('SELECT count(*) FROM seattle_weather')).toBe('"2922"');
  expect(run('load', file, '--overwrite').code).toBe(0);
  expect(ask('SELECT count(*) FROM seattle_weather')).toBe('"1461"');
});

it('names file, line and columns of a ragged row, and makes no table', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'loch-ragged-')), 'ragged.csv');
  writeFileSync(file, 'a,b,c\n1,2,3\n4,5\n6,7,8\n');
  const { code, err } = run('load', file);
  expect(code).toBe(1);
  expect(err).toMatch(/ragged\.csv/);
  expect(err).toMatch(/line 3/);
  expect(run('query', 'SELECT * FROM ragged').err).toMatch(/does not exist/);
});

it('tells an unknown table with near names, and where a statement is wrong', () => {
  expect(run('query', 'SELECT * FROM seattle_wether').err).toMatch(/seattle_weather/);
  expect(run('query', 'SELECT FROM WHERE').err).toMatch(/line 1/);
});
