import { compilePattern, variablesOf } from './pattern.ts';
import type { PolicyDocument } from './policy-document.ts';

/** The context keys a document asks for in conditions and variables, lower-case. */
export function contextKeysOf(document: Pick<PolicyDocument, 'version' | 'statements'>): ReadonlySet<string> {
  const keys = new Set<string>();
  const variables = document.version === '2012-10-17';
  for (const statement of document.statements) {
    for (const pattern of statement.resources?.patterns ?? []) {
      if (pattern !== 'everything') for (const part of pattern) for (const key of variablesOf(part)) keys.add(key);
    }
    for (const condition of statement.conditions) {
      keys.add(condition.key.toLowerCase());
      for (const text of condition.wanted) {
        for (const key of variablesOf(compilePattern(text, { variables, wildcards: true }))) keys.add(key);
      }
    }
  }
  return keys;
}
