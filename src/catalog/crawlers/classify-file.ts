import { LochError } from '../../core/errors.ts';
import type { CatalogObjects } from '../databases/parts.ts';
import { classifyCsv } from './classifiers/csv.ts';
import { classifyJson } from './classifiers/json.ts';
import { classifyParquet } from './classifiers/parquet.ts';
import type { Classified, Refusal } from './classified.ts';
import {
  decodeText,
  foreignFormat,
  LARGE_SAMPLE_BYTES,
  type ObjectRef,
  readRange,
  readSample,
  SAMPLE_BYTES,
} from './read-sample.ts';

export interface FileVerdict {
  readonly verdict: Classified | Refusal;
  readonly bytesRead: number;
}

/** What engines unpack an object by: the end of its name. */
function packingByName(key: string): Classified['compression'] {
  if (/\.gz(?:ip)?$/i.test(key)) return 'gzip';
  return /\.zstd?$/i.test(key) ? 'zstd' : 'none';
}

const refuse = (...refused: Refusal['refused']): Refusal => ({ refused });

/** Asks the classifiers in order, Parquet, JSON, CSV, and takes the first that is sure; else tells what each one saw. */
export async function classifyFile(objects: CatalogObjects, object: ObjectRef): Promise<FileVerdict> {
  let bytesRead = 0;
  const read = async (first: number, end: number) => {
    const bytes = await readRange(objects, object, first, end);
    bytesRead += bytes.length;
    return bytes;
  };
  for (const limit of [SAMPLE_BYTES, LARGE_SAMPLE_BYTES]) {
    const sample = await readSample(objects, object, limit);
    bytesRead += sample.read;
    if (sample.bytes.subarray(0, 4).toString('latin1') === 'PAR1') {
      if (sample.compression !== 'none') {
        return { verdict: refuse({ classifier: 'parquet', saw: `a file packed by ${sample.compression}` }), bytesRead };
      }
      const parquet = await classifyParquet(object.size, read);
      if ('saw' in parquet) return { verdict: refuse({ classifier: 'parquet', saw: parquet.saw }), bytesRead };
      return { verdict: { format: 'parquet', ...parquet }, bytesRead };
    }
    const packing = packingByName(object.key);
    if (packing !== sample.compression) {
      const found = sample.compression === 'none' ? 'plain bytes' : `${sample.compression} bytes`;
      const name = packing === 'none' ? 'that says they are plain' : `that says ${packing}`;
      const saw = `${found} under a name ${name}: engines go by the name`;
      return { verdict: refuse({ classifier: 'all', saw }), bytesRead };
    }
    const foreign = foreignFormat(sample.bytes);
    if (foreign !== undefined) {
      return { verdict: refuse({ classifier: 'all', saw: `${foreign}, which none of them reads` }), bytesRead };
    }
    const { text, encoding } = decodeText(sample.bytes);
    const facts = { compression: sample.compression, ...(encoding === 'UTF-8' ? {} : { encoding }) };
    // Record sizes are of the stored bytes, so that a packed object's records can be reckoned from its size.
    const storedShare = sample.bytes.length === 0 ? 1 : sample.stored / sample.bytes.length;
    const stored = (found: { readonly recordBytes: number }) => ({ recordBytes: found.recordBytes * storedShare });
    const json = classifyJson(text);
    if (!('saw' in json)) return { verdict: { format: 'json', ...json, ...stored(json), ...facts }, bytesRead };
    const looksLikeJson = /^\s*[{[]/.test(text);
    const csv = looksLikeJson && !sample.whole ? { saw: 'a beginning as of JSON' } : classifyCsv(text, sample.whole);
    if (!('saw' in csv)) return { verdict: { format: 'csv', ...csv, ...stored(csv), ...facts }, bytesRead };
    if (sample.whole || limit === LARGE_SAMPLE_BYTES) {
      return {
        verdict: refuse(
          { classifier: 'parquet', saw: 'no magic bytes' },
          { classifier: 'json', saw: json.saw },
          { classifier: 'csv', saw: csv.saw },
        ),
        bytesRead,
      };
    }
  }
  throw new LochError('internal', 'The classifiers ended without a verdict.');
}
