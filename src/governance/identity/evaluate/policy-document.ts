/**
 * Policy documents: parsed once into statements that are ready to match.
 * **Source**: AWS IAM User Guide, "Grammar of the IAM JSON policy language".
 */
import { nearestNames } from '../../../core/suggest.ts';
import { type ArnPattern, compileArnPattern } from './arn-pattern.ts';
import { contextKeysOf } from './context-keys.ts';
import { CONDITION_OPERATORS, type Condition, compileCondition } from './conditions.ts';
import { type JsonMember, type JsonNode, malformedAt, parseJsonSource, positionAt } from './json-source.ts';
import { compilePattern, type Pattern } from './pattern.ts';

/** Identity policies name no principal; resource policies do; trust policies do and name no resource. */
export type PolicyKind = 'identity' | 'resource' | 'trust';

export interface PrincipalPattern {
  readonly type: 'AWS' | 'Service' | 'Federated' | 'CanonicalUser';
  /** `*`, an account id, an ARN, a service name. */
  readonly value: string;
}

/** Patterns of an element, or with `except` of its `Not…`; `texts` are the same as they stand. */
export interface NamedPatterns<P> {
  readonly except: boolean;
  readonly patterns: readonly P[];
  readonly texts: readonly string[];
}

export interface Statement {
  /** The Sid, or the position in the document. */
  readonly id: string;
  readonly effect: 'Allow' | 'Deny';
  readonly principals: { readonly except: boolean; readonly patterns: readonly PrincipalPattern[] } | undefined;
  readonly actions: NamedPatterns<Pattern>;
  readonly resources: NamedPatterns<ArnPattern> | undefined;
  readonly conditions: readonly Condition[];
  /** Where it stands in the text. */
  readonly start: TextPosition;
  readonly end: TextPosition;
}

/** **Units**: from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

export interface PolicyDocument {
  readonly version: '2012-10-17' | '2008-10-17';
  readonly statements: readonly Statement[];
  /** The context keys that conditions and variables ask for, lower-case. */
  readonly contextKeys: ReadonlySet<string>;
}

const ELEMENTS = [
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
];

interface Parse {
  readonly text: string;
  readonly kind: PolicyKind;
  variables: boolean;
}

/** **Errors**: `malformed_policy` with line, column and the known names. */
export function parsePolicyDocument(text: string, kind: PolicyKind): PolicyDocument {
  const parse: Parse = { text, kind, variables: false };
  const root = asObject(parse, parseJsonSource(text), 'A policy');
  for (const [name, member] of root) {
    if (!['Version', 'Id', 'Statement'].includes(name)) {
      throw malformedAt(text, member.at, `\`${name}\` is no element of a policy. Known: Version, Id, Statement.`);
    }
  }
  const stated = root.get('Version')?.node;
  const version = stated === undefined ? '2008-10-17' : asString(parse, stated, 'Version');
  if (version !== '2012-10-17' && version !== '2008-10-17') {
    throw malformedAt(text, stated!.at, `Version is \`${version}\`. Known: 2012-10-17, 2008-10-17.`);
  }
  parse.variables = version === '2012-10-17';
  const statement = root.get('Statement')?.node;
  if (statement === undefined) throw malformedAt(text, 0, 'The policy has no Statement.');
  const nodes = statement.kind === 'array' ? statement.items : [statement];
  if (nodes.length === 0) throw malformedAt(text, statement.at, 'The policy has no Statement.');
  const statements = nodes.map((node, index) => parseStatement(parse, node, index));
  refuseRepeatedSid(parse, nodes);
  return { version, statements, contextKeys: contextKeysOf({ version, statements }) };
}

function parseStatement(parse: Parse, node: JsonNode, index: number): Statement {
  const members = asObject(parse, node, 'A statement');
  for (const [name, member] of members) {
    if (ELEMENTS.includes(name)) continue;
    const near = nearestNames(name, ELEMENTS);
    const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
    throw malformedAt(
      parse.text,
      member.at,
      `\`${name}\` is no element of a statement.${hint} Known: ${ELEMENTS.join(', ')}.`,
    );
  }
  const sid = members.get('Sid');
  const effect = parseEffect(parse, members, node);
  return {
    id: sid === undefined ? String(index) : asString(parse, sid.node, 'Sid') || String(index),
    effect,
    principals: parsePrincipals(parse, members, node),
    actions: parseActions(parse, members, node),
    resources: parseResources(parse, members, node),
    conditions: parseConditions(parse, members.get('Condition')),
    start: positionAt(parse.text, node.at),
    end: positionAt(parse.text, node.kind === 'object' ? node.end : node.at),
  };
}

type Members = ReadonlyMap<string, JsonMember>;

function parseEffect(parse: Parse, members: Members, node: JsonNode): 'Allow' | 'Deny' {
  const member = members.get('Effect');
  if (member === undefined) throw malformedAt(parse.text, node.at, 'The statement has no Effect. Known: Allow, Deny.');
  const effect = asString(parse, member.node, 'Effect');
  if (effect === 'Allow' || effect === 'Deny') return effect;
  throw malformedAt(parse.text, member.node.at, `Effect is \`${effect}\`. Known: Allow, Deny.`);
}

/** The one of an element and its `Not…` that is there. */
function either(parse: Parse, members: Members, node: JsonNode, name: string, needed: boolean) {
  const plain = members.get(name);
  const except = members.get(`Not${name}`);
  if (plain !== undefined && except !== undefined) {
    throw malformedAt(parse.text, except.at, `${name} and Not${name} cannot stand together.`);
  }
  const member = plain ?? except;
  if (member === undefined && needed) throw malformedAt(parse.text, node.at, `The statement has no ${name}.`);
  return member === undefined ? undefined : { member, except: plain === undefined };
}

function parseActions(parse: Parse, members: Members, node: JsonNode): Statement['actions'] {
  const found = either(parse, members, node, 'Action', true)!;
  const named = asStrings(parse, found.member.node, 'Action');
  const patterns = named.map(({ value, at }) => {
    if (value !== '*' && !/^[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+$/.test(value)) {
      throw malformedAt(parse.text, at, `The action \`${value}\` is not of the form service:Operation.`);
    }
    return compilePattern(value, { variables: false, wildcards: true, ignoreCase: true });
  });
  return { except: found.except, patterns, texts: named.map(({ value }) => value) };
}

function parseResources(parse: Parse, members: Members, node: JsonNode): Statement['resources'] {
  const found = either(parse, members, node, 'Resource', parse.kind !== 'trust');
  if (found === undefined) return undefined;
  if (parse.kind === 'trust') throw malformedAt(parse.text, found.member.at, 'A trust policy names no Resource.');
  const named = asStrings(parse, found.member.node, 'Resource');
  const patterns = named.map(({ value, at }) => {
    if (value !== '*' && !/^(arn:|\*|\$\{)/.test(value)) {
      throw malformedAt(parse.text, at, `The resource \`${value}\` must be an ARN or \`*\`.`);
    }
    return compileArnPattern(value, { variables: parse.variables });
  });
  return { except: found.except, patterns, texts: named.map(({ value }) => value) };
}

const PRINCIPAL_TYPES = ['AWS', 'Service', 'Federated', 'CanonicalUser'] as const;

function parsePrincipals(parse: Parse, members: Members, node: JsonNode): Statement['principals'] {
  const found = either(parse, members, node, 'Principal', parse.kind !== 'identity');
  if (found === undefined) return undefined;
  const { member, except } = found;
  if (parse.kind === 'identity') {
    throw malformedAt(parse.text, member.at, 'A policy of a user, group or role names no Principal.');
  }
  if (member.node.kind === 'scalar') {
    if (member.node.value === '*') return { except, patterns: [{ type: 'AWS', value: '*' }] };
    throw malformedAt(parse.text, member.node.at, 'Principal must be `*` or an object such as {"AWS": "arn:…"}.');
  }
  const patterns: PrincipalPattern[] = [];
  for (const [name, entry] of asObject(parse, member.node, 'Principal')) {
    const type = PRINCIPAL_TYPES.find((known) => known === name);
    if (type === undefined) {
      throw malformedAt(
        parse.text,
        entry.at,
        `\`${name}\` is no kind of principal. Known: ${PRINCIPAL_TYPES.join(', ')}.`,
      );
    }
    for (const { value } of asStrings(parse, entry.node, name)) patterns.push({ type, value });
  }
  return { except, patterns };
}

function parseConditions(parse: Parse, member: JsonMember | undefined): Condition[] {
  if (member === undefined) return [];
  const conditions: Condition[] = [];
  for (const [operator, block] of asObject(parse, member.node, 'Condition')) {
    for (const [key, entry] of asObject(parse, block.node, operator)) {
      const wanted = asStrings(parse, entry.node, key, true);
      const compiled = compileCondition(
        operator,
        key,
        wanted.map(({ value }) => value),
        parse.variables,
      );
      if (!('fault' in compiled)) conditions.push(compiled);
      else if (compiled.fault === 'operator') {
        throw malformedAt(
          parse.text,
          block.at,
          `\`${operator}\` is no condition operator. Known: ${CONDITION_OPERATORS.join(', ')}, with IfExists, ForAllValues: and ForAnyValue:.`,
        );
      } else {
        const { value, at } = wanted[compiled.index]!;
        throw malformedAt(parse.text, at, `\`${value}\` under ${operator} must be ${compiled.expected}.`);
      }
    }
  }
  return conditions;
}

function refuseRepeatedSid(parse: Parse, nodes: readonly JsonNode[]): void {
  const seen = new Set<unknown>();
  for (const node of nodes) {
    const sid = node.kind === 'object' ? node.members.get('Sid')?.node : undefined;
    if (sid?.kind !== 'scalar' || sid.value === '') continue;
    if (seen.has(sid.value)) throw malformedAt(parse.text, sid.at, `The Sid \`${sid.value}\` stands twice.`);
    seen.add(sid.value);
  }
}

function asObject(parse: Parse, node: JsonNode, what: string): Members {
  if (node.kind !== 'object') throw malformedAt(parse.text, node.at, `${what} must be an object.`);
  return node.members;
}

function asString(parse: Parse, node: JsonNode, what: string): string {
  if (node.kind !== 'scalar' || typeof node.value !== 'string') {
    throw malformedAt(parse.text, node.at, `${what} must be a string.`);
  }
  return node.value;
}

/** One value or a list of them. Conditions may also hold numbers and booleans. */
function asStrings(parse: Parse, node: JsonNode, what: string, loose = false): { value: string; at: number }[] {
  const nodes = node.kind === 'array' ? node.items : [node];
  if (nodes.length === 0 && !loose) throw malformedAt(parse.text, node.at, `${what} must not be empty.`);
  return nodes.map((item) => {
    const scalar = item.kind === 'scalar' ? item.value : undefined;
    if (typeof scalar === 'string' || (loose && (typeof scalar === 'number' || typeof scalar === 'boolean'))) {
      return { value: String(scalar), at: item.at };
    }
    throw malformedAt(parse.text, item.at, `${what} must be a string or a list of strings.`);
  });
}
