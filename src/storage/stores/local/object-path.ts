/**
 * Where an object's file lies below the folder of its bucket: `<directories>/<stem>~<version id><extensions>`.
 *
 * Invariants
 * - Different (key, version) give different paths, and a path tells its key and version: `keyOfPath` is the inverse.
 * - A file's name holds exactly one `~` and a directory's none, so a key never collides with a directory.
 * - No component is `.`, `..`, empty or longer than 255 bytes; none holds `/`, a control character or one of `* ? [ ]`,
 *   which an engine would expand in a list of paths.
 * - `^xx` stands for the byte xx, `^_` for an empty segment; a component that ends in `^-` goes on in the next one.
 */

const ESCAPED = /[\p{Cc}~^%*?[\]\\]/gu;
/** Extensions stay at the end of the name, so that readers detect format and compression. */
const EXTENSIONS = /(?:\.[A-Za-z0-9]{1,12}){1,2}$/;
const VERSION_LENGTH = 32;
/** A component has at most so many bytes, before `^-` and before `~`, version and extensions. */
const MAX_COMPONENT = 190;

const escapeByte = (character: string): string => `^${character.charCodeAt(0).toString(16).padStart(2, '0')}`;

function escapeSegment(segment: string): string {
  return escapeDots(segment.replace(ESCAPED, escapeByte));
}

function escapeDots(component: string): string {
  if (component === '.') return '^2e';
  return component === '..' ? '^2e^2e' : component;
}

/** A segment as path components: one, or several when it is long. Never cut inside a character or an escape. */
function componentsOf(segment: string): string[] {
  if (segment === '') return ['^_'];
  const escaped = escapeSegment(segment);
  if (Buffer.byteLength(escaped) <= MAX_COMPONENT) return [escaped];
  const components: string[] = [];
  let current = '';
  let bytes = 0;
  for (const [unit] of escaped.matchAll(/\^..|./gsu)) {
    const length = Buffer.byteLength(unit);
    if (bytes + length > MAX_COMPONENT) {
      components.push(`${current}^-`);
      current = '';
      bytes = 0;
    }
    current += unit;
    bytes += length;
  }
  // What is left of a long segment may be dots alone, which would be a way up.
  components.push(escapeDots(current));
  return components;
}

/** The extensions that a reader sees at the end of a key: `.csv.gz`, `.parquet`, or nothing. */
export function extensionsOf(key: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1);
  return EXTENSIONS.exec(name)?.[0] ?? '';
}

/** The path of a version below its bucket's folder, with `/`. `versionId` has 32 characters of hex. */
export function objectPath(key: string, versionId: string): string {
  const extensions = extensionsOf(key);
  const segments = key.slice(0, key.length - extensions.length).split('/');
  const stem = segments.pop()!;
  const components = segments.flatMap(componentsOf);
  const own = stem === '' ? [''] : componentsOf(stem);
  const file = own.pop()!;
  return [...components, ...own, `${file}~${versionId}${extensions}`].join('/');
}

/** Key and version of a path that `objectPath` made; undefined for any other. */
export function keyOfPath(path: string): { readonly key: string; readonly versionId: string } | undefined {
  const at = path.lastIndexOf('~');
  const versionId = path.slice(at + 1, at + 1 + VERSION_LENGTH);
  if (at === -1 || !/^[0-9a-f]{32}$/.test(versionId)) return undefined;
  const extensions = path.slice(at + 1 + VERSION_LENGTH);
  const joined = path.slice(0, at).replaceAll('^-/', '');
  const segments = joined.split('/').map((segment) => (segment === '^_' ? '' : unescapeSegment(segment)));
  const key = segments.join('/') + extensions;
  return objectPath(key, versionId) === path ? { key, versionId } : undefined;
}

function unescapeSegment(segment: string): string {
  return segment.replace(/\^([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
