import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../engines/contract.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import type { QualityRule } from '../contract.ts';
import { castSql } from '../jobs/column-sql.ts';
import { parseColumnKind } from '../jobs/column-type.ts';
import { compileRules } from './compile-rules.ts';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'loch-rules-'));
  engine = await openDuckdbEngine({ workDirectory: folder, workers: 1, memoryLimitBytes: 256 * 1024 * 1024 });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const quoted = (text: string | null) => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);

/** The texts that break a rule on a column of `type`. */
async function broken(rule: QualityRule, type: string, texts: readonly (string | null)[]) {
  const kind = parseColumnKind(type, 'test');
  const { rows } = compileRules([rule], {
    column: (_, name) => ({ name, kind, value: 'v', text: 'n', formats: [] }),
  });
  const result = await engine.execute(
    {
      sql: `SELECT n FROM (SELECT n, ${castSql('n', kind)} AS v, i FROM (VALUES ${texts
        .map((text, i) => `(CAST(${quoted(text)} AS VARCHAR), ${i})`)
        .join(', ')}) t(n, i)) WHERE ${rows[0]!.broken} ORDER BY i`,
      inputs: [],
      result: { kind: 'rows', maxRows: 1000 },
    },
    new AbortController().signal,
  );
  return result.rows.map((row) => row[0]);
}

describe('quality rules', () => {
  it('complete: NULL and blank texts break it', async () => {
    expect(await broken({ rule: 'complete', column: 'c' }, 'string', ['a', '', '  ', null])).toEqual(['', '  ', null]);
    expect(await broken({ rule: 'complete', column: 'c' }, 'bigint', ['1', 'x', ' ', null])).toEqual([' ', null]);
  });

  it('range: both limits belong to it, at full precision, and NULL passes', async () => {
    const rule = { rule: 'range', column: 'c', min: '0.5', max: '10' } as const;
    expect(await broken(rule, 'decimal(12,2)', ['0.49', '0.50', '10.00', '10.01', null])).toEqual(['0.49', '10.01']);
    const tight = { rule: 'range', column: 'c', max: '0.005' } as const;
    expect(await broken(tight, 'decimal(12,2)', ['0.00', '0.01'])).toEqual(['0.01']);
    const days = { rule: 'range', column: 'c', min: '1900-01-01', max: '2026-12-31' } as const;
    expect(await broken(days, 'date', ['1899-12-31', '1900-01-01', '2027-01-01'])).toEqual([
      '1899-12-31',
      '2027-01-01',
    ]);
    await expect(broken({ rule: 'range', column: 'c', min: 'soon' }, 'date', [])).rejects.toThrow(/`soon` is no date/);
    await expect(broken({ rule: 'range', column: 'c' }, 'bigint', [])).rejects.toThrow(/needs `min`, `max` or both/);
  });

  it('pattern: the whole text must match', async () => {
    const rule = { rule: 'pattern', column: 'c', pattern: '[A-Z]{2}\\d+' } as const;
    expect(await broken(rule, 'string', ['AB1', 'xAB1', 'AB', "A'1", null])).toEqual(['xAB1', 'AB', "A'1"]);
    await expect(broken({ rule: 'pattern', column: 'c', pattern: '(a' }, 'string', [])).rejects.toThrow(
      /pattern of `c`/,
    );
    await expect(broken({ rule: 'pattern', column: 'c', pattern: '(?=a)' }, 'string', [])).rejects.toThrow(
      /look-around/,
    );
  });

  it('values: one of the list, by the type of the column', async () => {
    const rule = { rule: 'values', column: 'c', values: ['1', '2.0'] } as const;
    expect(await broken(rule, 'decimal(5,1)', ['1', '2.00', '3', null])).toEqual(['3']);
    expect(await broken({ rule: 'values', column: 'c', values: ["it's"] }, 'string', ["it's", 'its'])).toEqual(['its']);
  });

  it('type: a text that is there must fit', async () => {
    expect(
      await broken({ rule: 'type', column: 'c', type: 'date' }, 'string', ['2026-02-29', '2024-02-29', null]),
    ).toEqual(['2026-02-29']);
  });

  it('iban: country, length and check digits, exactly', async () => {
    const rule = { rule: 'iban', column: 'c' } as const;
    const valid = [
      'DE89370400440532013000',
      'de89 3704 0044 0532 0130 00',
      'GB82WEST12345698765432',
      'MT84MALT011000012345MTLCAST001S',
      'LC55HEMM000100010012001200023015',
      'NO9386011117947',
      'RU0204452560040702810412345678901',
      'FR1420041010050500013M02606',
    ];
    expect(await broken(rule, 'string', [...valid, null])).toEqual([]);
    const invalid = [
      'DE89370400440532013001',
      'DE8937040044053201300',
      'XX89370400440532013000',
      'GB82WEST1234569876543Ä',
      'MT84MALT011000012345MTLCAST001T',
      '',
      'DE98370400440532013000',
    ];
    expect(await broken(rule, 'string', invalid)).toEqual(invalid);
  });

  it('iban: agrees with big-number arithmetic on random accounts', async () => {
    const remainder = (iban: string) =>
      BigInt((iban.slice(4) + iban.slice(0, 4)).replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))) % 97n;
    const accounts = Array.from({ length: 300 }, (_, i) => {
      const letters = Array.from({ length: 30 }, (_, j) => 'ABCXYZ0123456789'[(i * 31 + j * j * 7 + i * j) % 16]).join(
        '',
      );
      return `LC${String(2 + (i % 97)).padStart(2, '0')}${letters.slice(0, 28)}`;
    });
    const bad = new Set(await broken({ rule: 'iban', column: 'c' }, 'string', accounts));
    expect(accounts.filter((iban) => !bad.has(iban))).toEqual(accounts.filter((iban) => remainder(iban) === 1n));
    expect(bad.size).toBeLessThan(300);
  });
});
