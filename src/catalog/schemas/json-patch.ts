import { stableJson } from './parsed-schema.ts';

type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** The operations that make `after` out of `before`. **Source**: RFC 6902. */
export function jsonPatch(before: unknown, after: unknown, path = ''): readonly Operation[] {
  if (stableJson(before) === stableJson(after)) return [];
  if (isObject(before) && isObject(after)) {
    return [
      ...Object.keys(before)
        .filter((key) => !Object.hasOwn(after, key))
        .map((key): Operation => ({ op: 'remove', path: `${path}/${escaped(key)}` })),
      ...Object.entries(after).flatMap(([key, value]): readonly Operation[] =>
        Object.hasOwn(before, key)
          ? jsonPatch(before[key], value, `${path}/${escaped(key)}`)
          : [{ op: 'add', path: `${path}/${escaped(key)}`, value }],
      ),
    ];
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const shared = Math.min(before.length, after.length);
    return [
      ...before.slice(0, shared).flatMap((value, i) => jsonPatch(value, after[i], `${path}/${i}`)),
      ...after.slice(shared).map((value): Operation => ({ op: 'add', path: `${path}/-`, value })),
      // From the end, so that the places of the others stand.
      ...before.slice(shared).map((_, i): Operation => ({ op: 'remove', path: `${path}/${before.length - 1 - i}` })),
    ];
  }
  return [{ op: 'replace', path, value: after }];
}
