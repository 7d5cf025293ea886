import { LochError } from '../../core/errors.ts';
import { emptyAnswer } from './answer.ts';
import { nameOf, type S3Operation } from './request.ts';
import { readDocument } from './request-body.ts';
import { versionIdOf } from './version-headers.ts';
import { childText, type XmlElement } from './xml.ts';

const DOCUMENT_LIMIT = 64 * 1024;
/** How fast, for S3. Here all of them begin at once: the archive is a disk. */
const SPEEDS = ['Standard', 'Bulk', 'Expedited'];

/** 202 when a restore begins, 200 when one that is there is prolonged. */
export const restoreObject: S3Operation = async (request) => {
  const document = await readDocument(request, DOCUMENT_LIMIT);
  const days = document === undefined ? undefined : daysOf(document);
  const versionId = versionIdOf(request);
  const name = { ...nameOf(request), ...(versionId === undefined ? {} : { versionId }) };
  const outcome = await request.access.restoreObject(request.context, name, days);
  return emptyAnswer(outcome === 'started' ? 202 : 200);
};

function daysOf(document: XmlElement): number | undefined {
  if (document.name !== 'RestoreRequest') {
    throw new LochError('malformed_request', `The document is a \`${document.name}\`, not a \`RestoreRequest\`.`);
  }
  if (document.children.some(({ name }) => name === 'SelectParameters' || name === 'OutputLocation')) {
    throw new LochError(
      'unsupported',
      'A restore by SELECT is not supported: restore the object, then select from it.',
    );
  }
  const parameters = document.children.find(({ name }) => name === 'GlacierJobParameters') ?? document;
  const speed = childText(parameters, 'Tier') ?? 'Standard';
  if (!SPEEDS.includes(speed)) {
    throw new LochError('malformed_request', `The Tier is \`${speed}\`. Known: ${SPEEDS.join(', ')}.`);
  }
  const text = childText(document, 'Days');
  if (text === undefined) return undefined;
  if (!/^-?\d{1,6}$/.test(text)) throw new LochError('malformed_request', `Days is \`${text}\`; give a whole number.`);
  return Number(text);
}
