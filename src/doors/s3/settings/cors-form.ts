import { LochError } from '../../../core/errors.ts';
import type { BucketSetting } from '../../../storage/contract.ts';
import { s3Failure } from '../errors.ts';
import { childText, childTexts, type XmlElement, type XmlRecord } from '../xml.ts';
import type { SettingForm } from './setting-form.ts';

/** A rule of a CORS configuration. */
export type CorsRule = BucketSetting<'cors'>['rules'][number];

const METHODS = ['GET', 'PUT', 'HEAD', 'POST', 'DELETE'] as const;
const MAX_RULES = 100;

export const corsForm: SettingForm<'cors'> = {
  kind: 'cors',
  root: 'CORSConfiguration',
  absent: 'NoSuchCORSConfiguration',
  write: ({ rules }) => ({ CORSRule: rules.map(writeRule) }),
  read(document) {
    const rules = document.children.filter(({ name }) => name === 'CORSRule');
    if (rules.length === 0 || rules.length > MAX_RULES) {
      throw new LochError('malformed_request', `A CORSConfiguration has 1 to ${MAX_RULES} CORSRule elements.`);
    }
    return { rules: rules.map(readRule) };
  },
};

function writeRule(rule: CorsRule): XmlRecord {
  return {
    ID: rule.id,
    AllowedOrigin: rule.allowedOrigins,
    AllowedMethod: rule.allowedMethods,
    AllowedHeader: rule.allowedHeaders,
    ExposeHeader: rule.exposeHeaders,
    MaxAgeSeconds: rule.maxAgeSeconds,
  };
}

function readRule(element: XmlElement): CorsRule {
  const id = childText(element, 'ID');
  const maxAge = childText(element, 'MaxAgeSeconds');
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) {
    throw new LochError('malformed_request', `MaxAgeSeconds is \`${maxAge}\`; give a whole number of seconds.`);
  }
  const allowedOrigins = childTexts(element, 'AllowedOrigin');
  const allowedHeaders = childTexts(element, 'AllowedHeader');
  const methods = childTexts(element, 'AllowedMethod');
  if (allowedOrigins.length === 0 || methods.length === 0) {
    throw new LochError('malformed_request', 'A CORSRule needs AllowedOrigin and AllowedMethod.');
  }
  for (const text of [...allowedOrigins, ...allowedHeaders]) {
    if (text.split('*').length <= 2) continue;
    throw s3Failure('InvalidRequest', 'invalid_argument', `\`${text}\` can not have more than one wildcard.`);
  }
  return {
    ...(id === undefined ? {} : { id }),
    allowedOrigins,
    allowedMethods: methods.map(readMethod),
    allowedHeaders,
    exposeHeaders: childTexts(element, 'ExposeHeader'),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: Number(maxAge) }),
  };
}

function readMethod(text: string): (typeof METHODS)[number] {
  const method = METHODS.find((known) => known === text);
  if (method !== undefined) return method;
  const known = METHODS.join(', ');
  throw s3Failure(
    'InvalidRequest',
    'invalid_argument',
    `Found unsupported HTTP method in CORS config. Unsupported method is ${text}. Known: ${known}.`,
  );
}
