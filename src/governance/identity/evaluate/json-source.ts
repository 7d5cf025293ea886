/**
 * JSON with the place of every value, so that an error in a policy names its line and column. Stricter than
 * `JSON.parse` in one point: a name given twice in one object is refused, because which of two `Effect`s holds must
 * not depend on the reader.
 */
import { LochError } from '../../../core/errors.ts';

export type JsonNode =
  | {
      readonly kind: 'object';
      readonly at: number;
      /** Behind its last character. */
      readonly end: number;
      readonly members: ReadonlyMap<string, JsonMember>;
    }
  | { readonly kind: 'array'; readonly at: number; readonly items: readonly JsonNode[] }
  | { readonly kind: 'scalar'; readonly at: number; readonly value: string | number | boolean | null };

export interface JsonMember {
  /** Where the name stands. */
  readonly at: number;
  readonly node: JsonNode;
}

const MAX_DEPTH = 20;
const SCALAR =
  /(?:"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy;
const SPACE = /[ \t\r\n]*/y;

/** Line and column of a character, both from 1. */
export function positionAt(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at);
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') };
}

/** The error of a document with a fault at character `at`. */
export function malformedAt(text: string, at: number, message: string): LochError {
  const { line, column } = positionAt(text, at);
  return new LochError('malformed_policy', `${message} (line ${line}, column ${column})`, {
    context: { line, column },
  });
}

/** **Errors**: `malformed_policy` with line and column. */
export function parseJsonSource(text: string): JsonNode {
  let at = 0;
  const fault = (message: string) => malformedAt(text, at, message);
  const skip = () => {
    SPACE.lastIndex = at;
    SPACE.exec(text);
    at = SPACE.lastIndex;
  };
  const take = (character: string): boolean => {
    skip();
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const scalar = (): JsonNode => {
    skip();
    SCALAR.lastIndex = at;
    const found = SCALAR.exec(text);
    if (found === null) {
      throw fault(
        at >= text.length ? 'The policy ends too early.' : `Unexpected ${JSON.stringify(text[at])} in the policy.`,
      );
    }
    const node: JsonNode = { kind: 'scalar', at, value: JSON.parse(found[0]) };
    at = SCALAR.lastIndex;
    return node;
  };
  const object = (start: number, depth: number): JsonNode => {
    const members = new Map<string, JsonMember>();
    if (take('}')) return { kind: 'object', at: start, end: at, members };
    do {
      const name = scalar();
      if (name.kind !== 'scalar' || typeof name.value !== 'string')
        throw malformedAt(text, name.at, 'A name must be a string.');
      if (members.has(name.value)) throw malformedAt(text, name.at, `\`${name.value}\` stands twice in one object.`);
      if (!take(':')) throw fault(`A colon must follow \`${name.value}\`.`);
      members.set(name.value, { at: name.at, node: value(depth + 1) });
    } while (take(','));
    if (!take('}')) throw fault('A comma or `}` must follow.');
    return { kind: 'object', at: start, end: at, members };
  };
  const array = (start: number, depth: number): JsonNode => {
    const items: JsonNode[] = [];
    if (take(']')) return { kind: 'array', at: start, items };
    do items.push(value(depth + 1));
    while (take(','));
    if (!take(']')) throw fault('A comma or `]` must follow.');
    return { kind: 'array', at: start, items };
  };
  const value = (depth: number): JsonNode => {
    skip();
    const start = at;
    if (depth > MAX_DEPTH) throw fault(`The policy is nested deeper than ${MAX_DEPTH}.`);
    if (take('{')) return object(start, depth);
    if (take('[')) return array(start, depth);
    return scalar();
  };
  const root = value(0);
  skip();
  if (at !== text.length) throw fault('Text follows the end of the policy.');
  return root;
}
