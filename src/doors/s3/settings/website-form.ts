import { LochError } from '../../../core/errors.ts';
import type { BucketSetting } from '../../../storage/contract.ts';
import { s3Failure } from '../errors.ts';
import { childText, type XmlElement, type XmlRecord } from '../xml.ts';
import type { SettingForm } from './setting-form.ts';

/** Website settings are kept for the tools that manage them; Loch serves no website by them. */
export const websiteForm: SettingForm<'website'> = {
  kind: 'website',
  root: 'WebsiteConfiguration',
  absent: 'NoSuchWebsiteConfiguration',
  write: ({ indexSuffix, errorKey, redirectAllTo, routingRules }) => ({
    RedirectAllRequestsTo: redirectAllTo && { HostName: redirectAllTo.hostName, Protocol: redirectAllTo.protocol },
    IndexDocument: indexSuffix === undefined ? undefined : { Suffix: indexSuffix },
    ErrorDocument: errorKey === undefined ? undefined : { Key: errorKey },
    RoutingRules: routingRules && { RoutingRule: routingRules as XmlRecord[] },
  }),
  read(document) {
    const redirect = child(document, 'RedirectAllRequestsTo');
    if (redirect !== undefined) return { redirectAllTo: readRedirect(redirect) };
    const index = child(document, 'IndexDocument');
    const indexSuffix = index && childText(index, 'Suffix');
    if (indexSuffix === undefined || indexSuffix === '' || indexSuffix.includes('/')) {
      throw s3Failure('InvalidArgument', 'invalid_argument', 'The IndexDocument Suffix is not well formed.', {
        argument_name: 'IndexDocument',
        argument_value: indexSuffix ?? '',
      });
    }
    const error = child(document, 'ErrorDocument');
    const errorKey = error && childText(error, 'Key');
    const rules = child(document, 'RoutingRules')?.children.map((rule) => recordOf(rule));
    return {
      indexSuffix,
      ...(errorKey === undefined ? {} : { errorKey }),
      ...(rules === undefined ? {} : { routingRules: rules }),
    };
  },
};

const child = (element: XmlElement, name: string): XmlElement | undefined =>
  element.children.find((candidate) => candidate.name === name);

function readRedirect(element: XmlElement): NonNullable<BucketSetting<'website'>['redirectAllTo']> {
  const hostName = childText(element, 'HostName');
  const protocol = childText(element, 'Protocol');
  if (!hostName) throw new LochError('malformed_request', 'RedirectAllRequestsTo needs a HostName.');
  if (protocol === undefined) return { hostName };
  if (protocol === 'http' || protocol === 'https') return { hostName, protocol };
  throw new LochError('malformed_request', `Protocol is \`${protocol}\`. Known: http, https.`);
}

/** An element as plain data: nested elements as records, others as text. */
function recordOf(element: XmlElement): Record<string, string | object> {
  return Object.fromEntries(
    element.children.map((inner) => [inner.name, inner.children.length === 0 ? inner.text : recordOf(inner)]),
  );
}
