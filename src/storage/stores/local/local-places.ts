import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { BytePlaces } from '../places.ts';
import { FileBody } from './file-body.ts';
import { copyVersion } from './copy-version.ts';
import { openFile } from './open-file.ts';
import { type BodyPlaces, placeBody } from './place-body.ts';
import { headOf, keyText } from './rows.ts';
import { bytesOnDisk, openedFile, openVersion, readingBytes, wholeOf } from './sealed-file.ts';

/** Files and segments as places of bytes. */
export function localPlaces(parts: BodyPlaces): BytePlaces {
  return {
    place: (name, body, options, beforeLarge, seal) => placeBody(parts, name, body, options, beforeLarge, seal),
    copy: (source, name) => copyVersion(parts, source, name),
    async read(row, range, dataKey) {
      const { first, last } = range;
      const head = headOf(row);
      if (row.segment !== null) {
        const place = { segment: row.segment, place: row.place! };
        const bytes = await parts.segments.read(place, bytesOnDisk(head), row.version_id);
        if (dataKey === undefined) return bodyOf(bytes.subarray(first, last + 1));
        return bodyOf(await wholeOf(openVersion(dataKey, head, range, readingBytes(bytes))));
      }
      const handle = await open(parts.files.pathOf(row.bucket, keyText(row.key), row.version_id), 'r');
      if (dataKey !== undefined) return openedFile(handle, dataKey, head, range);
      return new FileBody(handle, first, last);
    },
    openFile: (row, key, directory, _columns, dataKey) => openFile(parts, row, key, directory, dataKey),
  };
}

function bodyOf(bytes: Buffer): Readable {
  return new Readable({
    read() {
      this.push(bytes);
      this.push(null);
    },
  });
}
