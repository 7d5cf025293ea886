/**
 * Column bounds of a data file in binary, from the engine's text statistics.
 *
 * Invariants
 * - A lower bound is at or below every value of the column, an upper bound at or above; when that cannot be kept the
 *   bound is left out. NaN is never a bound; a zero is `-0.0` below and `+0.0` above.
 * - Strings are cut to 16 code points, bytes to 16 bytes; a cut upper bound is incremented.
 *
 * **Source**: Iceberg specification, "Data File Fields" (notes on bounds) and Appendix D.
 */
import type { PrimitiveType } from './primitive-type.ts';
import { encodeValue, parseStatistic, type SingleValue } from './single-value.ts';

const TRUNCATE_TO = 16;

/** The binary lower bound of the engine's minimum, or undefined when there can be none. */
export function lowerBound(type: PrimitiveType, text: string): Buffer | undefined {
  const value = parseStatistic(type, text);
  if (value === undefined || Number.isNaN(value)) return undefined;
  if (type.kind === 'string') return Buffer.from(firstCodePoints(value as string).join(''), 'utf8');
  if (type.kind === 'binary') return Buffer.from(value as Uint8Array).subarray(0, TRUNCATE_TO);
  return encodeValue(type, value === 0 ? -0 : (value as SingleValue));
}

/** The binary upper bound of the engine's maximum, or undefined when there can be none. */
export function upperBound(type: PrimitiveType, text: string): Buffer | undefined {
  const value = parseStatistic(type, text);
  if (value === undefined || Number.isNaN(value)) return undefined;
  if (type.kind === 'string') return upperText(value as string);
  if (type.kind === 'binary') return upperBytes(value as Uint8Array);
  return encodeValue(type, value === 0 ? 0 : (value as SingleValue));
}

function firstCodePoints(text: string): string[] {
  const points: string[] = [];
  for (const point of text) {
    if (points.length === TRUNCATE_TO) break;
    points.push(point);
  }
  return points;
}

function upperText(text: string): Buffer | undefined {
  const points = firstCodePoints(text);
  if (points.join('').length === text.length) return Buffer.from(text, 'utf8');
  for (let i = points.length - 1; i >= 0; i--) {
    const next = nextCodePoint(points[i]!.codePointAt(0)!);
    if (next !== undefined) return Buffer.from(points.slice(0, i).join('') + String.fromCodePoint(next), 'utf8');
  }
  return undefined;
}

function nextCodePoint(point: number): number | undefined {
  if (point === 0x10ffff) return undefined;
  return point + 1 === 0xd800 ? 0xe000 : point + 1;
}

function upperBytes(bytes: Uint8Array): Buffer | undefined {
  if (bytes.length <= TRUNCATE_TO) return Buffer.from(bytes);
  const cut = Buffer.from(bytes.subarray(0, TRUNCATE_TO));
  for (let i = cut.length - 1; i >= 0; i--) {
    if (cut[i]! < 0xff) {
      cut[i]!++;
      return cut.subarray(0, i + 1);
    }
  }
  return undefined;
}
