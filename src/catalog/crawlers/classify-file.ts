/**
 * What one file is: custom classifiers first, in their order, until one is certain; then those that know their files by
 * magic bytes; then the text classifiers, of which the most certain wins. What nobody takes is told with what each saw.
 */
import { LochError } from '../../core/errors.ts';
import type { ClassifierRecord } from '../contract.ts';
import type { CatalogObjects } from '../databases/parts.ts';
import { classifyAvro } from './classifiers/avro.ts';
import { classifyCsv } from './classifiers/csv.ts';
import { classifyCustom } from './classifiers/custom.ts';
import { classifyExcel, isWorkbook } from './classifiers/excel.ts';
import { classifyFixedWidth } from './classifiers/fixed-width.ts';
import type { GrokMatcher } from './classifiers/grok.ts';
import { classifyJson } from './classifiers/json.ts';
import { classifyLogs } from './classifiers/logs.ts';
import { classifyOrc } from './classifiers/orc.ts';
import { classifyParquet, type ReadRange } from './classifiers/parquet.ts';
import { classifyXml } from './classifiers/xml.ts';
import type { Classified, Compression, Refusal, TextFinding } from './classified.ts';
import { zipMembers } from './packing/zip.ts';
import {
  decodeText,
  foreignFormat,
  LARGE_SAMPLE_BYTES,
  memberSample,
  type ObjectRef,
  readRange,
  readSample,
  type Sample,
  SAMPLE_BYTES,
} from './read-sample.ts';

export interface FileVerdict {
  readonly verdict: Classified | Refusal;
  readonly bytesRead: number;
}

/** The classifiers that a crawler was given, and what runs their patterns. */
export interface CustomClassifiers {
  readonly classifiers: readonly ClassifierRecord[];
  readonly matcher: GrokMatcher;
}

const PACKINGS: readonly { readonly name: RegExp; readonly packing: Compression }[] = [
  { name: /\.gz(?:ip)?$/i, packing: 'gzip' },
  { name: /\.zstd?$/i, packing: 'zstd' },
  { name: /\.bz2$/i, packing: 'bzip2' },
  { name: /\.lz4$/i, packing: 'lz4' },
  { name: /\.(?:snappy|sz)$/i, packing: 'snappy' },
  { name: /\.zip$/i, packing: 'zip' },
];

/** What engines unpack an object by: the end of its name. */
const packingByName = (key: string): Compression => PACKINGS.find(({ name }) => name.test(key))?.packing ?? 'none';

const refuse = (...refused: Refusal['refused']): Refusal => ({ refused });
const onlySaw = (classifier: string, saw: string): Refusal => refuse({ classifier, saw });

type Verdict = Classified | Refusal | 'read more';

/** Asks the classifiers about an object by its beginning, and once more by a larger one where a record does not fit. */
export async function classifyFile(
  objects: CatalogObjects,
  object: ObjectRef,
  custom?: CustomClassifiers,
): Promise<FileVerdict> {
  let bytesRead = 0;
  const read: ReadRange = async (first, end) => {
    const bytes = await readRange(objects, object, first, end);
    bytesRead += bytes.length;
    return bytes;
  };
  for (const limit of [SAMPLE_BYTES, LARGE_SAMPLE_BYTES]) {
    let verdict: Verdict;
    try {
      const sample = await readSample(objects, object, limit);
      bytesRead += sample.read;
      verdict = (await byMagic(object, sample, read)) ?? (await byText(object, sample, limit, read, custom));
    } catch (error) {
      if (error instanceof LochError) throw error;
      verdict = onlySaw('all', `bytes that cannot be unpacked (${(error as Error).message.slice(0, 100)})`);
    }
    if (verdict !== 'read more') return { verdict, bytesRead };
  }
  throw new LochError('internal', 'The classifiers ended without a verdict.');
}

/** The formats that say in their first bytes what they are. */
async function byMagic(object: ObjectRef, sample: Sample, read: ReadRange): Promise<Classified | Refusal | undefined> {
  const beginning = sample.bytes.subarray(0, 4).toString('latin1');
  const format =
    beginning === 'PAR1'
      ? 'parquet'
      : beginning.startsWith('ORC')
        ? 'orc'
        : beginning === 'Obj\u0001'
          ? 'avro'
          : undefined;
  if (format === undefined) return undefined;
  if (
    format === 'orc' &&
    sample.bytes
      .subarray(0, 64)
      .toString('latin1')
      .match(/^ORC[\x20-\x7e\r\n]*$/)
  ) {
    return undefined; // text that happens to begin so
  }
  if (sample.compression !== 'none') return onlySaw(format, `a file packed by ${sample.compression}`);
  if (format === 'avro') {
    const avro = await classifyAvro(object.size, read);
    if ('saw' in avro) return onlySaw(format, avro.saw);
    const compression = avro.codec === 'snappy' ? 'snappy' : avro.codec === 'deflate' ? 'zlib' : 'none';
    return {
      format,
      certainty: 1,
      columns: avro.columns,
      compression,
      records: 0,
      recordBytes: 0,
      reading: { 'avro.schema.literal': avro.schema },
    };
  }
  const footer = await (format === 'parquet' ? classifyParquet : classifyOrc)(object.size, read);
  return 'saw' in footer ? onlySaw(format, footer.saw) : { format, certainty: 1, ...footer };
}

async function byText(
  object: ObjectRef,
  packed: Sample,
  limit: number,
  read: ReadRange,
  custom: CustomClassifiers | undefined,
): Promise<Verdict> {
  const last = limit === LARGE_SAMPLE_BYTES;
  let sample = packed;
  if (packed.compression === 'zip') {
    const members = await zipMembers(object.size, read).catch((error: Error) => error.message);
    if (typeof members === 'string') return onlySaw('zip', members);
    if (isWorkbook(members)) {
      const excel = await classifyExcel(members, read);
      if ('saw' in excel) return onlySaw('excel', excel.saw);
      return { format: 'excel', certainty: 1, compression: 'none', recordBytes: object.size, ...excel };
    }
    const [only, ...others] = members;
    if (only === undefined || others.length > 0) {
      return onlySaw('zip', `${members.length} files in it; one is read`);
    }
    sample = await memberSample(only, read, limit);
  }
  const packing = packingByName(object.key);
  if (packing !== sample.compression) {
    const found = sample.compression === 'none' ? 'plain bytes' : `${sample.compression} bytes`;
    const name = packing === 'none' ? 'that says they are plain' : `that says ${packing}`;
    return onlySaw('all', `${found} under a name ${name}: engines go by the name`);
  }
  if (sample.bytes.length === 0 && !sample.whole && !last) return 'read more'; // a packed block does not fit
  if (sample.bytes.length === 0) return onlySaw('all', `${sample.compression} bytes of which nothing can be unpacked`);
  const foreign = foreignFormat(sample.bytes);
  if (foreign !== undefined) return onlySaw('all', `${foreign}, which none of them reads`);

  const { text, encoding } = decodeText(sample.bytes);
  // Record sizes are of the stored bytes, so that a packed object's records can be reckoned from its size.
  const storedShare = sample.bytes.length === 0 ? 1 : sample.stored / sample.bytes.length;
  const taken = (found: Omit<Classified, 'compression'>): Classified => ({
    ...found,
    recordBytes: found.recordBytes * storedShare,
    compression: sample.compression,
    ...(encoding === 'UTF-8' ? {} : { encoding }),
  });
  const refused: { classifier: string; saw: string }[] = [];
  let best: Omit<Classified, 'compression'> | undefined;
  /** True when the search is over. */
  const consider = (classifier: string, found: TextFinding): boolean => {
    if ('saw' in found) refused.push({ classifier, saw: found.saw });
    else if (best === undefined || found.certainty > best.certainty) best = found;
    return best?.certainty === 1;
  };
  for (const classifier of custom?.classifiers ?? []) {
    const found = await classifyCustom(classifier, text, sample.whole, custom!.matcher);
    if (consider(classifier.name, found)) return taken(best!);
  }
  refused.push({ classifier: 'parquet, orc, avro, excel', saw: 'no magic bytes' });
  const looksLike = /^\s*[{[]/.test(text) ? 'JSON' : /^\s*<[?!A-Za-z]/.test(text) ? 'XML' : undefined;
  const csv = () =>
    looksLike !== undefined && !sample.whole
      ? { saw: `a beginning as of ${looksLike}` }
      : classifyCsv(text, sample.whole);
  const builtIn: readonly (readonly [string, () => TextFinding])[] = [
    ['json', () => classifyJson(text)],
    ['xml', () => classifyXml(text, sample.whole)],
    ['logs', () => classifyLogs(text, sample.whole)],
    ['csv', csv],
    ['fixed width', () => classifyFixedWidth(text, sample.whole)],
  ];
  for (const [name, classify] of builtIn) if (consider(name, classify())) break;
  if (best !== undefined) return taken(best);
  return sample.whole || last ? refuse(...refused) : 'read more';
}
