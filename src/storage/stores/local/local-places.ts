import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { BytePlaces } from '../places.ts';
import { FileBody } from './file-body.ts';
import { copyVersion } from './copy-version.ts';
import { openFile } from './open-file.ts';
import { type BodyPlaces, placeBody } from './place-body.ts';
import { keyText } from './rows.ts';

/** Files and segments as places of bytes. */
export function localPlaces(parts: BodyPlaces): BytePlaces {
  return {
    place: (name, body, options, beforeLarge) => placeBody(parts, name, body, options, beforeLarge),
    copy: (source, name) => copyVersion(parts, source, name),
    async read(row, { first, last }) {
      if (row.segment !== null) {
        const place = { segment: row.segment, place: row.place! };
        const bytes = await parts.segments.read(place, row.size, row.version_id);
        return bodyOf(bytes.subarray(first, last + 1));
      }
      const handle = await open(parts.files.pathOf(row.bucket, keyText(row.key), row.version_id), 'r');
      return new FileBody(handle, first, last);
    },
    openFile: (row, key, directory) => openFile(parts, row, key, directory),
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
