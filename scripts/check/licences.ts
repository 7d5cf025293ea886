import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Failure, root } from './source-files.ts';

const ALLOWED =
  /^(MIT|MIT-0|Apache-2\.0|BSD-2-Clause|BSD-3-Clause|ISC|MPL-2\.0|0BSD|BlueOak-1\.0\.0|CC0-1\.0|CC-BY-4\.0|Unlicense|Python-2\.0|Zlib|PostgreSQL)$/;

/** Packages whose metadata says something else than what they are licensed by, with the licence found in them. */
const KNOWN: Record<string, string> = {};

/** Every installed package has a licence that Loch may ship with. */
export function checkLicences(): Failure[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { license?: string; version?: string }>;
  };
  return Object.entries(lock.packages).flatMap(([path, entry]) => {
    if (path === '' || !existsSync(join(root, path, 'package.json'))) return [];
    const name = path.replace(/^.*node_modules\//, '');
    const declared = KNOWN[name] ?? entry.license ?? licenceOf(path);
    const options = declared.replace(/[()]/g, '').split(/ OR /);
    if (options.some((option) => option.split(/ AND /).every((part) => ALLOWED.test(part.trim())))) return [];
    return [
      {
        file: path,
        rule: `licence \`${declared}\` is not on the list`,
        mend: 'use another package, or record the licence found in it in scripts/check/licences.ts',
      },
    ];
  });
}

function licenceOf(path: string): string {
  const manifest = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as {
    license?: string | { type: string };
    licenses?: { type: string }[];
  };
  if (typeof manifest.license === 'string') return manifest.license;
  return manifest.license?.type ?? manifest.licenses?.map((entry) => entry.type).join(' OR ') ?? 'none declared';
}
