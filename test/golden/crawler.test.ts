import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusalText } from '../../src/catalog/crawlers/classified.ts';
import { classifyFile } from '../../src/catalog/crawlers/classify-file.ts';
import { hiveType } from '../../src/catalog/crawlers/inferred-type.ts';
import { testObjects } from '../../src/testing/builders/test-catalog.ts';
import { TEXTS } from './crawler/texts.ts';

const FILES = join(import.meta.dirname, 'crawler', 'files');
const VEGA = join(import.meta.dirname, '..', '..', 'node_modules', 'vega-datasets', 'data');

/** `name` ⇥ what it is ⇥ its columns or what the classifiers saw; written by a person, not by the program. */
const expected = new Map(
  readFileSync(join(import.meta.dirname, 'crawler', 'expected.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t') as [string, string, string])
    .map(([name, kind, columns]) => [name, { kind, columns }]),
);

let lake: Awaited<ReturnType<typeof testObjects>>;
beforeAll(async () => {
  lake = await testObjects(['odd']);
});
afterAll(() => lake.close());

function bytesOf(name: string): Buffer {
  const text = TEXTS[name];
  if (text !== undefined) return Buffer.from(text as string);
  return readFileSync(name.startsWith('vega/') ? join(VEGA, name.slice(5)) : join(FILES, name));
}

async function described(name: string): Promise<{ kind: string; columns: string }> {
  const bytes = bytesOf(name);
  await lake.objects.put('odd', name, bytes);
  const { verdict, bytesRead } = await classifyFile(lake.objects, { bucket: 'odd', key: name, size: bytes.length });
  expect(bytesRead).toBeLessThan(4 * 1024 * 1024);
  if ('refused' in verdict) {
    return { kind: 'refused', columns: refusalText(name, verdict) };
  }
  const { csv, json, reading, compression, encoding } = verdict;
  const facts = [
    verdict.classification ?? verdict.format,
    csv?.delimiter === '\t' ? 'tab' : csv?.delimiter === '\u0001' ? 'ctrl-a' : csv?.delimiter,
    csv?.quote === "'" ? 'single quotes' : undefined,
    csv?.escape,
    csv === undefined
      ? undefined
      : csv.header === true
        ? 'header'
        : csv.header === false
          ? 'no header'
          : 'header unsure',
    json?.layout,
    reading?.rowTag,
    reading?.sheet,
    compression === 'none' ? undefined : compression,
    encoding,
  ];
  return {
    kind: facts.filter((fact) => fact !== undefined).join(' '),
    columns: verdict.columns.map((column) => `${column.name} ${hiveType(column.type)}`).join(', '),
  };
}

describe('a file of the corpus gets the schema that a careful person gives it', () => {
  it('and the corpus has at least sixty of them, none without an answer', () => {
    const names = [...Object.keys(TEXTS), ...readdirSync(FILES)];
    expect(names.filter((name) => !expected.has(name))).toEqual([]);
    expect(expected.size).toBeGreaterThanOrEqual(60);
  });

  it.each([...expected.keys()])('%s', async (name) => {
    const wanted = expected.get(name)!;
    const found = await described(name);
    if (wanted.kind === 'refused') {
      expect(found.kind).toBe('refused');
      for (const part of wanted.columns.split(' … ')) expect(found.columns).toContain(part);
    } else {
      expect(found).toEqual(wanted);
    }
  });
});
