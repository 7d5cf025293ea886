/**
 * REST on the server side: members bound to labels, query and headers are read there, the rest from the body, which is
 * JSON here.
 * **Source**: Smithy 2.0, "AWS restJson1 protocol" and "HTTP binding traits".
 */
import type { NormalizedSchema } from '@smithy/core/schema';
import { missingMember, wrongType } from '../input-errors.ts';
import { parseQuery, uriDecode } from '../../kit/sigv4/index.ts';
import { type OperationModel, requiredMembers, type ServiceModel } from '../service-model.ts';
import { readJsonBody, writeJsonBody } from './json-body.ts';
import { type AnswerFacts, headerOf, type ServerProtocol, type WireRequest } from './protocol.ts';

interface Binding {
  readonly where: 'label' | 'query' | 'header' | 'queryParams' | 'prefixHeaders' | 'payload' | 'status';
  readonly name: string;
}

function bindingOf(name: string, member: NormalizedSchema): Binding | undefined {
  const traits = member.getMergedTraits();
  if (traits.httpLabel) return { where: 'label', name };
  if (traits.httpQuery !== undefined) return { where: 'query', name: traits.httpQuery as string };
  if (traits.httpHeader !== undefined) return { where: 'header', name: (traits.httpHeader as string).toLowerCase() };
  if (traits.httpQueryParams) return { where: 'queryParams', name };
  if (traits.httpPrefixHeaders !== undefined) {
    return { where: 'prefixHeaders', name: (traits.httpPrefixHeaders as string).toLowerCase() };
  }
  if (traits.httpPayload) return { where: 'payload', name };
  if (traits.httpResponseCode) return { where: 'status', name };
  return undefined;
}

/** The labels of `path` under a template such as `/rulesets/{Name}/versions`, or undefined when it does not match. */
function matchPath(template: string, rawPath: string): ReadonlyMap<string, string> | undefined {
  const wanted = template.split('?')[0]!.split('/');
  const found = rawPath.split('/');
  const labels = new Map<string, string>();
  for (let i = 0; i < wanted.length; i++) {
    const part = wanted[i]!;
    const label = /^\{([^}+]+)(\+?)\}$/.exec(part);
    if (label === null) {
      if (found[i] !== part) return undefined;
      continue;
    }
    const text = label[2] === '+' ? found.slice(i).join('/') : found[i];
    if (!text) return undefined;
    labels.set(label[1]!, uriDecode(text) ?? text);
    if (label[2] === '+') return labels;
  }
  return wanted.length === found.length ? labels : undefined;
}

/** Templates with more literal text are more specific, so `/a/list` wins over `/a/{id}`. */
const literalLength = (path: string) => path.replace(/\{[^}]*\}/g, '').length;

function identify(request: WireRequest, model: ServiceModel): string | undefined {
  let best: OperationModel | undefined;
  for (const operation of model.operations.values()) {
    const { http } = operation;
    if (http === undefined || http.method !== request.method) continue;
    if (matchPath(http.path, request.rawPath) === undefined || !hasConstantQuery(http.path, request)) continue;
    if (best === undefined || literalLength(http.path) > literalLength(best.http!.path)) best = operation;
  }
  return best?.name;
}

function hasConstantQuery(template: string, request: WireRequest): boolean {
  const constant = template.split('?')[1];
  if (constant === undefined) return true;
  const given = parseQuery(request.rawQuery);
  return parseQuery(constant).every(([name, value]) =>
    given.some(([n, v]) => n === name && (value === '' || v === value)),
  );
}

/** How a REST protocol writes bodies. */
export interface RestBody {
  /** What a body says; members of `bound` are read elsewhere. **Errors**: `malformed_request`, `missing_argument`. */
  readBody(schema: NormalizedSchema, body: Buffer, bound?: ReadonlySet<string>): object;
  writeBody(schema: NormalizedSchema, output: object, facts: AnswerFacts): string;
  headers(requestId: string): Record<string, string>;
}

async function read(request: WireRequest, operation: OperationModel, form: RestBody): Promise<object> {
  const { input } = operation;
  if (!input.isStructSchema()) return {};
  const labels = matchPath(operation.http!.path, request.rawPath) ?? new Map();
  const query = parseQuery(request.rawQuery);
  const bound: Record<string, unknown> = {};
  const boundNames = new Set<string>();
  let payload: { readonly name: string; readonly member: NormalizedSchema } | undefined;
  for (const [name, member] of input.structIterator()) {
    const binding = bindingOf(name, member);
    if (binding === undefined) continue;
    boundNames.add(name);
    if (binding.where === 'payload') payload = { name, member };
    else {
      const value = boundValue(binding, member, request, labels, query);
      if (value !== undefined) bound[name] = value;
    }
  }
  if (payload !== undefined) bound[payload.name] = readPayload(payload.member, request, form);
  for (const name of requiredMembers(input)) {
    if (boundNames.has(name) && bound[name] === undefined) throw missingMember(name);
  }
  if (payload !== undefined) return bound;
  return { ...form.readBody(input, request.body, boundNames), ...bound };
}

function readPayload(member: NormalizedSchema, request: WireRequest, form: RestBody): unknown {
  if (member.isBlobSchema()) return request.body;
  if (member.isStringSchema()) return request.body.toString('utf8');
  return form.readBody(member, request.body);
}

function boundValue(
  binding: Binding,
  member: NormalizedSchema,
  request: WireRequest,
  labels: ReadonlyMap<string, string>,
  query: readonly (readonly [string, string])[],
): unknown {
  switch (binding.where) {
    case 'label':
      return fromText(member, labels.get(binding.name), binding.name);
    case 'query': {
      const values = query.filter(([name]) => name === binding.name).map(([, value]) => value);
      if (values.length === 0) return undefined;
      if (!member.isListSchema()) return fromText(member, values[0], binding.name);
      return values.map((value) => fromText(member.getValueSchema(), value, binding.name));
    }
    case 'header': {
      const text = headerOf(request, binding.name);
      if (text === undefined || !member.isListSchema()) return fromText(member, text, binding.name);
      return text.split(',').map((value) => fromText(member.getValueSchema(), value.trim(), binding.name));
    }
    case 'queryParams':
      return Object.fromEntries(query);
    case 'prefixHeaders':
      return Object.fromEntries(
        Object.keys(request.headers)
          .filter((name) => name.startsWith(binding.name))
          .map((name) => [name.slice(binding.name.length), headerOf(request, name)]),
      );
    default:
      return undefined;
  }
}

function fromText(member: NormalizedSchema, text: string | undefined, name: string): unknown {
  if (text === undefined) return undefined;
  if (member.isNumericSchema()) {
    const number = Number(text);
    if (text.trim() === '' || Number.isNaN(number)) throw wrongType(name, 'a number', `\`${text}\``);
    return number;
  }
  if (member.isBooleanSchema()) {
    if (text !== 'true' && text !== 'false') throw wrongType(name, 'true or false', `\`${text}\``);
    return text === 'true';
  }
  if (member.isTimestampSchema()) {
    const at = /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : Date.parse(text);
    if (Number.isNaN(at)) throw wrongType(name, 'a timestamp', `\`${text}\``);
    return new Date(at);
  }
  return text;
}

const jsonHeaders = (requestId: string): Record<string, string> => ({
  'content-type': 'application/json',
  'x-amzn-requestid': requestId,
});

/** A REST protocol whose bodies have a form of their own. */
export function restBindings(form: RestBody): Pick<ServerProtocol, 'identify' | 'read' | 'write'> {
  return {
    identify,
    read: (request, operation) => read(request, operation, form),
    write(operation, output, _request, facts) {
      const headers = form.headers(facts.requestId);
      let status = operation.http?.status ?? 200;
      let body: string | Uint8Array | undefined;
      const rest: Record<string, unknown> = { ...output };
      for (const [name, member] of operation.output.isStructSchema() ? operation.output.structIterator() : []) {
        const binding = bindingOf(name, member);
        const value = rest[name];
        if (binding === undefined) continue;
        delete rest[name];
        if (value === undefined || value === null) continue;
        if (binding.where === 'status') status = Number(value);
        else if (binding.where === 'header') headers[binding.name] = String(value);
        else if (binding.where === 'payload') {
          const raw = typeof value === 'string' || value instanceof Uint8Array;
          if (member.isBlobSchema()) headers['content-type'] = 'application/octet-stream';
          body = raw ? value : form.writeBody(member, value, facts);
        }
      }
      return { status, headers, body: body ?? form.writeBody(operation.output, rest, facts) };
    },
  };
}

export const restJsonProtocol: ServerProtocol = {
  ...restBindings({
    readBody: (schema, body, bound) => readJsonBody(schema, body, 'rest', bound),
    writeBody: (schema, output) => writeJsonBody(schema, output, 'rest'),
    headers: jsonHeaders,
  }),
  fail: (error, _request, facts) => ({
    status: error.status,
    headers: { ...jsonHeaders(facts.requestId), 'x-amzn-errortype': error.name },
    body: JSON.stringify({ [error.messageMember]: error.message, ...error.members }),
  }),
};
