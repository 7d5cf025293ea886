import { compilePattern, matchesPattern, type Pattern, type PatternOptions, type VariableValues } from './pattern.ts';

/**
 * A pattern over ARNs: each of the first five parts is matched for itself, so that no wildcard reaches over a colon
 * into another account or service; the sixth is the rest. Missing parts are `*`.
 * **Source**: AWS IAM User Guide, "IAM JSON policy elements: Resource".
 */
export type ArnPattern = 'everything' | readonly Pattern[];

const PARTS = 6;

/** The pattern of a Resource element or an ARN condition. */
export function compileArnPattern(text: string, options: Omit<PatternOptions, 'wildcards'>): ArnPattern {
  if (text === '*') return 'everything';
  const parts = splitArn(text, true);
  while (parts.length < PARTS) parts.push('*');
  return parts.map((part) => compilePattern(part, { ...options, wildcards: true }));
}

/** Whether `arn`, taken literally, matches. What is no ARN of six parts matches `*` alone. */
export function matchesArn(pattern: ArnPattern, arn: string | ArnParts, values: VariableValues): boolean {
  if (pattern === 'everything') return true;
  const parts = typeof arn === 'string' ? arnParts(arn) : arn;
  return parts.length === PARTS && pattern.every((part, i) => matchesPattern(part, parts[i]!, values));
}

/** An ARN taken apart, to be compared with many patterns. */
export type ArnParts = readonly string[];

/** The parts of an ARN, taken literally. */
export const arnParts = (arn: string): ArnParts => splitArn(arn, false);

/** The six parts of an ARN. In a pattern, colons inside `${…}` are of the variable. */
function splitArn(text: string, isPattern: boolean): string[] {
  const parts: string[] = [];
  let start = 0;
  let inVariable = false;
  for (let i = 0; i < text.length && parts.length < PARTS - 1; i++) {
    if (isPattern && text[i] === '$' && text[i + 1] === '{') inVariable = true;
    else if (text[i] === '}') inVariable = false;
    else if (text[i] === ':' && !inVariable) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
