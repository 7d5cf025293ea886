import { XmlShapeSerializer } from '@aws-sdk/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';
import { escapeXml } from '../../kit/escape-xml.ts';
import { parseQuery } from '../../kit/sigv4/index.ts';
import type { ServerProtocol, WireRequest } from './protocol.ts';
import { formTree, readForm } from './query-form.ts';

const DATE_TIME = 5;

/** Parameters may stand in the query, in a form body, or in both. */
function parameters(request: WireRequest): [string, string][] {
  return [...parseQuery(request.rawQuery), ...parseQuery(request.body.toString('utf8'))];
}

/** The XML of the members of `output`, without the element that holds them. */
function innerXml(schema: NormalizedSchema, output: object): string {
  const serializer = new XmlShapeSerializer({
    timestampFormat: { useTrait: true, default: DATE_TIME },
    httpBindings: false,
    xmlNamespace: '',
    serviceNamespace: '',
  });
  serializer.write(schema, output);
  const text = serializer.flush() as string;
  const open = text.indexOf('>');
  return text[open - 1] === '/' ? '' : text.slice(open + 1, text.lastIndexOf('</'));
}

const headers = (requestId: string) => ({ 'content-type': 'text/xml', 'x-amzn-requestid': requestId });

/** The AWS query protocol of IAM, STS and their age. **Source**: Smithy 2.0, "AWS query protocol". */
export const queryProtocol: ServerProtocol = {
  identify: (request) => parameters(request).find(([name]) => name === 'Action')?.[1],
  read: async (request, operation) => readForm(operation.input, formTree(parameters(request))),
  write(operation, output, _request, facts) {
    const { name } = operation;
    const result = operation.output.isStructSchema()
      ? `<${name}Result>${innerXml(operation.output, output)}</${name}Result>`
      : '';
    return {
      status: 200,
      headers: headers(facts.requestId),
      body: `<${name}Response xmlns="${escapeXml(facts.xmlNamespace)}">${result}<ResponseMetadata><RequestId>${facts.requestId}</RequestId></ResponseMetadata></${name}Response>`,
    };
  },
  fail: (error, _request, facts) => ({
    status: error.status,
    headers: headers(facts.requestId),
    body: `<ErrorResponse xmlns="${escapeXml(facts.xmlNamespace)}"><Error><Type>${error.fault}</Type><Code>${escapeXml(error.queryCode)}</Code><Message>${escapeXml(error.message)}</Message></Error><RequestId>${facts.requestId}</RequestId></ErrorResponse>`,
  }),
};
