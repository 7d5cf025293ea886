/**
 * The pattern of table names in GetTables: a regular expression for the whole name, as Glue takes it, matched by
 * walking all its states at once, so that no pattern costs more than its length times the name's.
 * Known: literals, `\x`, `\d`, `\w`, `.`, `[a-z]`, `[^…]`, `(…)`, `|`, `*`, `+`, `?`. As in Hive, and as clients
 * of Glue write it, a `*` at the beginning or after a letter, digit, `_` or `-` is any text: `*_raw`, `orders*`.
 */
import { LochError } from '../../core/errors.ts';

const LONGEST = 2048;
const DEEPEST = 50;

type Test = (char: string) => boolean;
type Node =
  | { readonly eats: Test }
  | { readonly sequence: readonly Node[] }
  | { readonly choice: readonly Node[] }
  | { readonly repeated: Node; readonly sign: string };
/** A state either eats a character or splits. Targets are state numbers; state 0 is the end. */
type State = { readonly eats: Test; readonly next: number } | { readonly splits: readonly number[] };

const ANY: Node = { eats: () => true };
const ANYTHING: Node = { repeated: ANY, sign: '*' };

function parse(text: string): Node {
  let at = 0;
  const fail = (problem: string) =>
    new LochError(
      'invalid_argument',
      `The name pattern \`${text}\` cannot be read: ${problem}. Use letters, \`.\`, \`.*\`, \`[a-z]\`, \`(a|b)\`.`,
      { context: { expression: text } },
    );
  const choice = (depth: number): Node => {
    if (depth > DEEPEST) throw fail(`it is nested deeper than ${DEEPEST} levels`);
    const options = [sequence(depth)];
    while (text[at] === '|') {
      at++;
      options.push(sequence(depth));
    }
    return options.length === 1 ? options[0]! : { choice: options };
  };
  const sequence = (depth: number): Node => {
    const nodes: Node[] = [];
    while (at < text.length && text[at] !== '|' && text[at] !== ')') {
      const isLiteral = /[A-Za-z0-9_-]/.test(text[at]!);
      const node = atom(depth);
      const sign = text[at] ?? '';
      if (sign === '*' && isLiteral) {
        at++;
        nodes.push(node, ANYTHING); // `orders*`: nobody asks for a letter any number of times
      } else if (sign !== '' && '*+?'.includes(sign)) {
        at++;
        nodes.push({ repeated: node, sign });
      } else {
        nodes.push(node);
      }
    }
    return { sequence: nodes };
  };
  const atom = (depth: number): Node => {
    const char = text[at]!;
    const start = at++;
    if (char === '(') {
      if (text.startsWith('?:', at)) at += 2;
      const inside = choice(depth + 1);
      if (text[at] !== ')') throw fail('a `(` is not closed');
      at++;
      return inside;
    }
    if (char === '[') return { eats: set() };
    if (char === '.') return ANY;
    if (char === '*' && (start === 0 || '|('.includes(text[start - 1]!))) return ANYTHING;
    if ('*+?{'.includes(char)) throw fail(`\`${char}\` has nothing to repeat, or is not known here`);
    if (char === '^' || char === '$') return { sequence: [] }; // the whole name is matched anyway
    if (char !== '\\') return { eats: (other) => other === char.toLowerCase() };
    const escaped = text[at++];
    if (escaped === undefined) throw fail('it ends in a backslash');
    if (escaped === 'd') return { eats: (other) => /\d/.test(other) };
    if (escaped === 'w') return { eats: (other) => /\w/.test(other) };
    if (/[A-Za-z0-9]/.test(escaped)) throw fail(`\`\\${escaped}\` is not known here`);
    return { eats: (other) => other === escaped };
  };
  const set = (): Test => {
    const close = text.indexOf(']', at + 1);
    if (close === -1) throw fail('a `[` is not closed');
    let inside = text.slice(at, close).toLowerCase();
    at = close + 1;
    const negated = inside.startsWith('^');
    if (negated) inside = inside.slice(1);
    const ranges: (readonly [string, string])[] = [];
    for (let i = 0; i < inside.length; i++) {
      const from = inside[i]!;
      const to = inside[i + 1] === '-' ? inside[i + 2] : undefined;
      ranges.push([from, to ?? from]);
      if (to !== undefined) i += 2;
    }
    return (char) => ranges.some(([from, to]) => char >= from && char <= to) !== negated;
  };
  const whole = choice(0);
  if (at < text.length) throw fail(`\`${text[at]}\` was not expected`);
  return whole;
}

/** Adds the states of `node`, followed by state `next`, and returns its first. */
function compile(node: Node, next: number, states: State[]): number {
  const add = (state: State) => states.push(state) - 1;
  if ('eats' in node) return add({ eats: node.eats, next });
  if ('sequence' in node) return node.sequence.reduceRight((after, part) => compile(part, after, states), next);
  if ('choice' in node) return add({ splits: node.choice.map((option) => compile(option, next, states)) });
  if (node.sign === '?') return add({ splits: [compile(node.repeated, next, states), next] });
  const splits = [next];
  const loop = add({ splits });
  const first = compile(node.repeated, loop, states);
  splits.push(first);
  return node.sign === '+' ? first : loop;
}

/** A test of whole names. **Errors**: `invalid_argument`. **Cost**: pattern length × name length. */
export function namePattern(expression: string): (name: string) => boolean {
  if (expression.length > LONGEST) {
    throw new LochError(
      'invalid_argument',
      `The name pattern has ${expression.length} characters; the limit is ${LONGEST}.`,
    );
  }
  const states: State[] = [{ splits: [] }];
  const start = compile(parse(expression), 0, states);
  const enter = (from: Iterable<number>): Set<number> => {
    const entered = new Set<number>();
    const stack = [...from];
    while (stack.length > 0) {
      const at = stack.pop()!;
      if (entered.has(at)) continue;
      entered.add(at);
      const state = states[at]!;
      if ('splits' in state) stack.push(...state.splits);
    }
    return entered;
  };
  return (name) => {
    let current = enter([start]);
    for (const char of name) {
      const next: number[] = [];
      for (const at of current) {
        const state = states[at]!;
        if ('eats' in state && state.eats(char)) next.push(state.next);
      }
      if (next.length === 0) return false;
      current = enter(next);
    }
    return current.has(0);
  };
}
