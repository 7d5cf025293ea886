/**
 * Grok: patterns with names, as one regular expression over a line.
 *
 * Invariants
 * - A pattern is a caller's: it is run only by `GrokMatcher`, in a thread that is ended when a line takes too long.
 */
import { Worker } from 'node:worker_threads';
import { LochError } from '../../../core/errors.ts';
import type { InferredColumn, TextFinding } from '../classified.ts';
import { GROK_PATTERNS } from './grok-patterns.ts';

export const LONGEST_PATTERN = 2_048;
export const LONGEST_CUSTOM_PATTERNS = 16_000;
const DEEPEST = 32;
const LONGEST_EXPRESSION = 64 * 1024;
const MOST_LINES = 500;
const LONGEST_LINE = 16 * 1024;
/** How long one line may take. **Units**: milliseconds. */
const LINE_MS = 1_000;
const LOOK_EVERY_MS = 100;

const TYPES: Readonly<Record<string, string>> = {
  byte: 'tinyint',
  short: 'smallint',
  int: 'int',
  integer: 'int',
  long: 'bigint',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  date: 'date',
  string: 'string',
};

export interface GrokExpression {
  readonly source: string;
  readonly flags: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

const invalid = (message: string, cause?: unknown) => new LochError('invalid_argument', message, { cause });

/** Lines of `NAME pattern`. **Errors**: `invalid_argument` naming the line. */
export function parseCustomPatterns(text: string): Readonly<Record<string, string>> {
  const patterns: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const match = /^\s*([A-Za-z0-9_.-]+)\s+(.+?)\s*$/.exec(line);
    if (match === null) throw invalid(`The custom pattern \`${line.slice(0, 80)}\` is not \`NAME pattern\`.`);
    patterns[match[1]!] = match[2]!;
  }
  return patterns;
}

/** What other dialects of regular expressions write, as JavaScript does. */
function translated(source: string): string {
  return source
    .replace(/\(\?>/g, '(?:') // atomic groups only forbid going back; the deadline guards instead
    .replace(/\[\[:alpha:\]\]/g, '[A-Za-z]')
    .replace(/\[\[:digit:\]\]/g, '[0-9]')
    .replace(/\[\[:alnum:\]\]/g, '[A-Za-z0-9]')
    .replace(/\[\[:space:\]\]/g, '\\s')
    .replace(/(?<!\\)([*+?}])\+/g, '$1');
}

/** `(?<name>`, or `%{PATTERN:field:type}`. */
const NAMED = /\(\?<([A-Za-z_]\w*)>|%\{([A-Za-z0-9_.-]+)(?::([^}:]+))?(?::([A-Za-z]+))?\}/g;

function bodyOf(name: string, custom: Readonly<Record<string, string>>): string {
  for (const patterns of [custom, GROK_PATTERNS]) if (Object.hasOwn(patterns, name)) return patterns[name]!;
  throw invalid(`The grok pattern \`${name}\` is unknown. Give it among the custom patterns.`);
}

/** **Errors**: `invalid_argument` naming the pattern that is unknown, holds itself, is too long, or does not compile. */
export function expandGrok(pattern: string, custom: Readonly<Record<string, string>> = {}): GrokExpression {
  if (pattern.length === 0 || pattern.length > LONGEST_PATTERN) {
    throw invalid(`The grok pattern has ${pattern.length} characters; it must have 1 to ${LONGEST_PATTERN}.`);
  }
  const columns: { name: string; type: string }[] = [];
  const capture = (name: string, type: string) => {
    columns.push({ name, type });
    return `(?<g${columns.length - 1}>`;
  };
  let length = 0;
  const expand = (text: string, trail: readonly string[]): string => {
    length += text.length;
    if (length > LONGEST_EXPRESSION) throw invalid(`The grok pattern grows beyond ${LONGEST_EXPRESSION} characters.`);
    return text.replace(
      NAMED,
      (_, inline: string | undefined, name: string, field: string | undefined, type?: string) => {
        if (inline !== undefined) return capture(inline, 'string');
        const body = bodyOf(name, custom);
        if (trail.includes(name) || trail.length > DEEPEST) throw invalid(`The grok pattern \`${name}\` holds itself.`);
        if (field === undefined) return `(?:${expand(body, [...trail, name])})`;
        const hive = TYPES[type?.toLowerCase() ?? 'string'];
        if (hive === undefined) {
          throw invalid(`\`${type}\` of \`${field}\` is no type. Known: ${Object.keys(TYPES).join(', ')}.`);
        }
        const group = capture(field, hive);
        return `${group}${expand(body, [...trail, name])})`;
      },
    );
  };
  const source = expand(pattern, []);
  const flags = source.startsWith('(?i)') ? 'i' : '';
  const expression = `^(?:${translated(source.replace(/^\(\?i\)/, ''))})`;
  try {
    new RegExp(expression, flags);
  } catch (error) {
    throw invalid(`The grok pattern does not compile: ${(error as Error).message.slice(0, 200)}.`, error);
  }
  if (columns.length === 0) throw invalid('The grok pattern names no field. Write `%{PATTERN:field}`.');
  return { source: expression, flags, columns };
}

/** How many of the lines a pattern takes, or the line that took too long. */
export type Matched = { readonly matched: number } | { readonly slowLine: number };

/** The worker's messages. */
export interface MatchRequest {
  readonly source: string;
  readonly flags: string;
  readonly lines: readonly string[];
  /** The number of the line it is at. */
  readonly progress: SharedArrayBuffer;
}

/** Runs patterns of callers over lines, in a thread of its own, one request at a time. */
export class GrokMatcher {
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();

  match(expression: GrokExpression, lines: readonly string[]): Promise<Matched> {
    const next = this.#last.then(() => this.#run(expression, lines));
    this.#last = next.catch(() => undefined); // its caller has the error; the next request goes on
    return next;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #run(expression: GrokExpression, lines: readonly string[]): Promise<Matched> {
    const worker = this.#worker ?? new Worker(new URL('./grok-worker.ts', import.meta.url));
    worker.unref();
    this.#worker = worker;
    const progress = new SharedArrayBuffer(4);
    const position = new Int32Array(progress);
    return new Promise((resolve, reject) => {
      let at = -1;
      let since = performance.now();
      const end = () => {
        clearInterval(watch);
        worker.removeAllListeners();
      };
      const watch = setInterval(() => {
        const now = Atomics.load(position, 0);
        if (now !== at) {
          at = now;
          since = performance.now();
        } else if (performance.now() - since > LINE_MS) {
          end();
          this.#worker = undefined;
          void worker.terminate();
          resolve({ slowLine: now + 1 });
        }
      }, LOOK_EVERY_MS);
      worker.once('message', (matched: number) => {
        end();
        resolve({ matched });
      });
      worker.once('error', (error) => {
        end();
        this.#worker = undefined;
        reject(error);
      });
      const request: MatchRequest = { source: expression.source, flags: expression.flags, lines, progress };
      worker.postMessage(request);
    });
  }
}

/** The complete lines of a sample, at most so many. */
export function linesOf(text: string, whole: boolean): string[] {
  const lines = text.split(/\r\n|\n/);
  if (!whole) lines.pop();
  return lines.filter((line) => line.trim() !== '' && line.length <= LONGEST_LINE).slice(0, MOST_LINES);
}

/** The columns of a pattern, a field that is named twice once. */
export function grokColumns(expression: GrokExpression): InferredColumn[] {
  const seen = new Map<string, string>();
  for (const { name, type } of expression.columns) if (!seen.has(name)) seen.set(name, type);
  return [...seen].map(([name, type]) => ({
    name,
    type: type === 'string' ? { kind: 'string' } : { kind: 'exact', type },
  }));
}

/** Text by a custom classifier's pattern: the share of lines it takes is its certainty. */
export async function classifyGrok(
  matcher: GrokMatcher,
  text: string,
  whole: boolean,
  given: { readonly pattern: string; readonly customPatterns?: string; readonly classification: string },
): Promise<TextFinding> {
  const expression = expandGrok(given.pattern, parseCustomPatterns(given.customPatterns ?? ''));
  const lines = linesOf(text, whole);
  if (lines.length === 0) return { saw: 'no line' };
  const result = await matcher.match(expression, lines);
  if ('slowLine' in result) {
    return {
      saw: `line ${result.slowLine}, on which the pattern took longer than ${LINE_MS / 1000} s and was cut off`,
    };
  }
  if (result.matched === 0) return { saw: 'no line that its pattern takes' };
  return {
    format: 'grok',
    certainty: result.matched / lines.length,
    classification: given.classification,
    columns: grokColumns(expression),
    reading: {
      'input.format': given.pattern,
      ...(given.customPatterns === undefined ? {} : { 'input.grokCustomPatterns': given.customPatterns }),
    },
    records: lines.length,
    recordBytes: lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0),
  };
}
