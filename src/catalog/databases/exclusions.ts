/**
 * Glob patterns of exclusions, on paths relative to a target: `*` within a folder, `**` across folders, `?` one
 * character, `[a-z]` and `[!a-z]`, `{a,b}`. **Source**: AWS Glue, "Include and exclude patterns".
 */
import { LochError } from '../../core/errors.ts';

const LONGEST = 1024;
const MOST_CHOICES = 64;

/** Expands `{a,b}` to all its texts. */
function expanded(pattern: string): string[] {
  const open = pattern.indexOf('{');
  const close = pattern.indexOf('}', open);
  if (open === -1 || close === -1) return [pattern];
  const choices = pattern.slice(open + 1, close).split(',');
  const texts = choices.flatMap((choice) => expanded(pattern.slice(0, open) + choice + pattern.slice(close + 1)));
  if (texts.length > MOST_CHOICES) {
    throw new LochError(
      'invalid_argument',
      `The exclusion \`${pattern}\` stands for more than ${MOST_CHOICES} patterns.`,
    );
  }
  return texts;
}

type Part = { readonly any: 'name' | 'path' } | { readonly test: (char: string) => boolean };

function partsOf(pattern: string): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === '*') {
      const deep = pattern[at + 1] === '*';
      if (deep) at++;
      parts.push({ any: deep ? 'path' : 'name' });
    } else if (char === '?') {
      parts.push({ test: (other) => other !== '/' });
    } else if (char === '[' && pattern.indexOf(']', at + 2) !== -1) {
      const close = pattern.indexOf(']', at + 2);
      parts.push({ test: setOf(pattern.slice(at + 1, close)) });
      at = close;
    } else {
      const literal = char === '\\' && at + 1 < pattern.length ? pattern[++at]! : char;
      parts.push({ test: (other) => other === literal });
    }
  }
  return parts;
}

function setOf(inside: string): (char: string) => boolean {
  const negated = inside.startsWith('!') || inside.startsWith('^');
  const body = negated ? inside.slice(1) : inside;
  const ranges: (readonly [string, string])[] = [];
  for (let i = 0; i < body.length; i++) {
    const to = body[i + 1] === '-' ? body[i + 2] : undefined;
    ranges.push([body[i]!, to ?? body[i]!]);
    if (to !== undefined) i += 2;
  }
  return (char) => char !== '/' && ranges.some(([from, to]) => char >= from && char <= to) !== negated;
}

/** Walks all positions of the pattern at once. **Cost**: pattern length × path length. */
function matches(parts: readonly Part[], path: string): boolean {
  const closure = (positions: Iterable<number>): Set<number> => {
    const reached = new Set<number>();
    for (let position of positions) {
      while (!reached.has(position)) {
        reached.add(position);
        const part = parts[position];
        if (part === undefined || !('any' in part)) break;
        position++;
      }
    }
    return reached;
  };
  let current = closure([0]);
  for (const char of path) {
    const next: number[] = [];
    for (const position of current) {
      const part = parts[position];
      if (part === undefined) continue;
      if ('test' in part) {
        if (part.test(char)) next.push(position + 1);
      } else if (part.any === 'path' || char !== '/') {
        next.push(position);
      }
    }
    if (next.length === 0) return false;
    current = closure(next);
  }
  return current.has(parts.length);
}

/** A test of relative paths against any of the patterns. **Errors**: `invalid_argument` naming a pattern. */
export function exclusionTest(patterns: readonly string[]): (path: string) => boolean {
  const compiled = patterns.flatMap((pattern) => {
    if (typeof pattern !== 'string' || pattern.length === 0 || pattern.length > LONGEST) {
      throw new LochError('invalid_argument', `An exclusion must be a pattern of 1 to ${LONGEST} characters.`);
    }
    return expanded(pattern).map(partsOf);
  });
  return (path) => compiled.some((parts) => matches(parts, path));
}
