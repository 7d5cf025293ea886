import { Readable } from 'node:stream';
import { toLochError } from '../../core/errors.ts';
import { LochError } from '../../core/errors.ts';
import type { SelectEvent, SelectInput } from '../../storage/contract.ts';
import { s3ErrorOf } from './errors.ts';
import { eventMessage } from './event-stream.ts';
import { nameOf, type S3Operation } from './request.ts';
import { readDocument } from './request-body.ts';
import { childText, type XmlElement } from './xml.ts';

/** The longest expression and what goes with it. **Units**: bytes. */
const DOCUMENT_LIMIT = 512 * 1024;

/** Answers by an event stream: Records, Progress where asked for, Stats, End; a late failure is an error message of it. */
export const selectObjectContent: S3Operation = async (request) => {
  const document = await readDocument(request, DOCUMENT_LIMIT);
  if (document?.name !== 'SelectObjectContentRequest' && document?.name !== 'SelectRequest') {
    throw new LochError('malformed_request', 'The body must be a SelectObjectContentRequest.');
  }
  const events = await request.access.selectObject(request.context, nameOf(request), inputOf(document));
  return {
    status: 200,
    headers: { 'content-type': 'application/vnd.amazon.eventstream' },
    body: Readable.from(messages(events)),
  };
};

async function* messages(events: AsyncIterable<SelectEvent>): AsyncGenerator<Buffer> {
  try {
    for await (const event of events) yield messageOf(event);
    yield eventMessage({ ':message-type': 'event', ':event-type': 'End' });
  } catch (error) {
    const failure = toLochError(error);
    yield eventMessage({
      ':message-type': 'error',
      ':error-code': s3ErrorOf(failure).name,
      ':error-message': failure.kind === 'internal' ? 'Loch failed inside.' : failure.message.slice(0, 1024),
    });
  }
}

function messageOf(event: SelectEvent): Buffer {
  if (event.kind === 'records') {
    const headers = { ':message-type': 'event', ':event-type': 'Records', ':content-type': 'application/octet-stream' };
    return eventMessage(headers, event.bytes);
  }
  const name = event.kind === 'stats' ? 'Stats' : 'Progress';
  const xml = `<?xml version="1.0" encoding="UTF-8"?><${name}><BytesScanned>${event.scanned}</BytesScanned><BytesProcessed>${event.processed}</BytesProcessed><BytesReturned>${event.returned}</BytesReturned></${name}>`;
  const headers = { ':message-type': 'event', ':event-type': name, ':content-type': 'text/xml' };
  return eventMessage(headers, Buffer.from(xml));
}

const child = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element?.children.find((each) => each.name === name);

/** `content` without what is not given: defaults are the use-case's. */
function given<T extends Record<string, unknown>>(content: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined)) as never;
}

function inputOf(document: XmlElement): SelectInput {
  const text = (element: XmlElement | undefined, name: string) =>
    element === undefined ? undefined : childText(element, name);
  const input = child(document, 'InputSerialization');
  const output = child(document, 'OutputSerialization');
  const csv = child(input, 'CSV');
  const json = child(input, 'JSON');
  const range = child(document, 'ScanRange');
  const type = childText(document, 'ExpressionType');
  if (type?.toUpperCase() !== 'SQL') {
    throw new LochError('invalid_argument', `The ExpressionType is \`${type ?? ''}\`. Known: SQL.`, {
      context: { s3_code: 'InvalidExpressionType' },
    });
  }
  const number = (name: string) => {
    const value = text(range, name);
    return value === undefined ? undefined : Number(value);
  };
  return {
    expression: childText(document, 'Expression') ?? '',
    ...given({
      compression: text(input, 'CompressionType'),
      csv:
        csv &&
        given({
          fileHeaderInfo: text(csv, 'FileHeaderInfo')?.toUpperCase(),
          comments: text(csv, 'Comments'),
          quoteEscape: text(csv, 'QuoteEscapeCharacter'),
          recordDelimiter: text(csv, 'RecordDelimiter'),
          fieldDelimiter: text(csv, 'FieldDelimiter'),
          quote: text(csv, 'QuoteCharacter'),
        }),
      json: json && { type: (text(json, 'Type') ?? 'DOCUMENT').toUpperCase() },
      parquet: child(input, 'Parquet') && {},
      scanRange: range && given({ start: number('Start'), end: number('End') }),
    }),
    output: outputOf(output),
    progress: text(child(document, 'RequestProgress'), 'Enabled') === 'true',
  } as SelectInput;
}

function outputOf(output: XmlElement | undefined): unknown {
  const csv = child(output, 'CSV');
  const json = child(output, 'JSON');
  if ((csv === undefined) === (json === undefined)) {
    throw new LochError('missing_argument', 'OutputSerialization names exactly one of CSV and JSON.');
  }
  if (json !== undefined) return { kind: 'json', ...given({ recordDelimiter: childText(json, 'RecordDelimiter') }) };
  return {
    kind: 'csv',
    ...given({
      quoteFields: childText(csv!, 'QuoteFields')?.toUpperCase(),
      quoteEscape: childText(csv!, 'QuoteEscapeCharacter'),
      recordDelimiter: childText(csv!, 'RecordDelimiter'),
      fieldDelimiter: childText(csv!, 'FieldDelimiter'),
      quote: childText(csv!, 'QuoteCharacter'),
    }),
  };
}
