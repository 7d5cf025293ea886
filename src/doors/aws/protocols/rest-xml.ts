/**
 * REST XML on the server side: bindings as of REST JSON, the body as XML.
 * **Source**: Smithy 2.0, "AWS restXml protocol".
 */
import { XmlCodec } from '@aws-sdk/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';
import { LochError } from '../../../core/errors.ts';
import { escapeXml } from '../../kit/escape-xml.ts';
import { restBindings } from './rest-json.ts';
import type { ServerProtocol } from './protocol.ts';

const DATE_TIME = 5;

const codecFor = (xmlNamespace: string) =>
  new XmlCodec({
    timestampFormat: { useTrait: true, default: DATE_TIME },
    httpBindings: true,
    xmlNamespace,
    serviceNamespace: '',
  });

/** **Errors**: `malformed_request`. */
function readXmlBody(schema: NormalizedSchema, body: Buffer): object {
  if (body.length === 0 || !schema.isStructSchema()) return {};
  if (body.includes('<!DOCTYPE')) throw new LochError('malformed_request', 'A DOCTYPE is not allowed in the body.');
  try {
    const value: unknown = codecFor('').createDeserializer().read(schema, body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch (error) {
    throw new LochError('malformed_request', `The body is not well-formed XML: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function writeXmlBody(schema: NormalizedSchema, output: object, xmlNamespace: string): string {
  if (!schema.isStructSchema()) return '';
  const serializer = codecFor(xmlNamespace).createSerializer();
  serializer.write(schema, output);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${serializer.flush() as string}`;
}

const headersOf = (requestId: string) => ({
  'content-type': 'application/xml',
  'x-amz-request-id': requestId,
  'x-amz-id-2': requestId,
});

export const restXmlProtocol: ServerProtocol = {
  ...restBindings({
    readBody: (schema, body) => readXmlBody(schema, body),
    writeBody: (schema, output, facts) => writeXmlBody(schema, output, facts.xmlNamespace),
    headers: headersOf,
  }),
  fail: (error, _request, facts) => ({
    status: error.status,
    headers: headersOf(facts.requestId),
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse xmlns="${escapeXml(facts.xmlNamespace)}"><Error><Code>${escapeXml(error.queryCode)}</Code><Message>${escapeXml(error.message)}</Message></Error><RequestId>${facts.requestId}</RequestId><HostId>${facts.requestId}</HostId></ErrorResponse>`,
  }),
};
