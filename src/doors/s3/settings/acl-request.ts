/** Access control lists on the wire: headers, canned names and documents. **Source**: S3 API Reference, "PutObjectAcl". */
import { LochError } from '../../../core/errors.ts';
import type { Accounts } from '../../../governance/contract.ts';
import {
  type AccessControlList,
  type AccessGrant,
  type AclOption,
  type AclRequest,
  CANNED_LISTS,
  KNOWN_GROUPS,
} from '../../../storage/contract.ts';
import { s3Failure } from '../errors.ts';
import { header, type S3Request } from '../request.ts';
import { childText, type XmlElement, type XmlRecord } from '../xml.ts';

const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
const MAX_GRANTS = 100;
const GRANT_HEADERS: Readonly<Record<string, AccessGrant['permission']>> = {
  'x-amz-grant-read': 'READ',
  'x-amz-grant-write': 'WRITE',
  'x-amz-grant-read-acp': 'READ_ACP',
  'x-amz-grant-write-acp': 'WRITE_ACP',
  'x-amz-grant-full-control': 'FULL_CONTROL',
};
const PERMISSIONS = Object.values(GRANT_HEADERS);

/** The list that headers ask for, if they do. **Errors**: `invalid_argument`. */
export async function aclOfHeaders(
  request: Pick<S3Request, 'headers' | 'hoisted' | 'accounts'>,
): Promise<AclRequest | undefined> {
  const canned = header(request, 'x-amz-acl');
  const grants: AccessGrant[] = [];
  for (const [name, permission] of Object.entries(GRANT_HEADERS)) {
    const text = header(request, name);
    if (text === undefined) continue;
    for (const part of text.split(',')) {
      grants.push({ grantee: await granteeOf(part.trim(), name, request.accounts), permission });
    }
  }
  if (canned === undefined) return grants.length === 0 ? undefined : { grants };
  if (grants.length > 0) {
    throw s3Failure(
      'InvalidRequest',
      'invalid_argument',
      'Specifying both Canned ACLs and Header Grants is not allowed',
    );
  }
  return { canned: cannedName(canned) };
}

/** The same as an option of a write. */
export async function aclOption(request: Pick<S3Request, 'headers' | 'hoisted' | 'accounts'>): Promise<AclOption> {
  const acl = await aclOfHeaders(request);
  return acl === undefined ? {} : { acl };
}

/** **Errors**: `invalid_argument`. */
export function cannedName(text: string): (typeof CANNED_LISTS)[number] {
  const found = CANNED_LISTS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new LochError('invalid_argument', `Unknown canned ACL \`${text}\`. Known: ${CANNED_LISTS.join(', ')}.`, {
    context: { argument_name: 'x-amz-acl', argument_value: text },
  });
}

async function granteeOf(text: string, name: string, accounts: Accounts): Promise<AccessGrant['grantee']> {
  const [, kind = '', value = ''] = /^(\w+)\s*=\s*"?([^"]*)"?$/.exec(text) ?? [];
  if (/^id$/i.test(kind)) return accountGrantee(value, accounts);
  if (/^uri$/i.test(kind)) return groupGrantee(value);
  if (/^emailaddress$/i.test(kind)) return emailGrantee(value, accounts);
  throw new LochError(
    'invalid_argument',
    `\`${name}\` names grantees as id=…, uri=… or emailAddress=…, not \`${text}\`.`,
    {
      context: { argument_name: name, argument_value: text },
    },
  );
}

async function accountGrantee(id: string, accounts: Accounts): Promise<AccessGrant['grantee']> {
  if ((await accounts.find({ canonicalId: id })) !== undefined) return { type: 'CanonicalUser', id };
  throw new LochError('invalid_argument', 'Invalid id', {
    context: { argument_name: 'CanonicalUser/ID', argument_value: id },
  });
}

function groupGrantee(uri: string): AccessGrant['grantee'] {
  if (KNOWN_GROUPS.includes(uri)) return { type: 'Group', uri };
  throw new LochError('invalid_argument', 'Invalid group uri', {
    context: { argument_name: 'uri', argument_value: uri },
  });
}

async function emailGrantee(email: string, accounts: Accounts): Promise<AccessGrant['grantee']> {
  const account = await accounts.find({ email });
  if (account !== undefined) return { type: 'CanonicalUser', id: account.canonicalId };
  throw s3Failure(
    'UnresolvableGrantByEmailAddress',
    'invalid_argument',
    'The e-mail address you provided does not match any account on record.',
    { email },
  );
}

/** The list of an `AccessControlPolicy` document. **Errors**: `malformed_request`, `invalid_argument`. */
export async function aclOfDocument(document: XmlElement, accounts: Accounts): Promise<AclRequest> {
  const child = (element: XmlElement, name: string) => element.children.find((inner) => inner.name === name);
  const lines = child(document, 'AccessControlList');
  const owner = child(document, 'Owner');
  const ownerId = owner && childText(owner, 'ID');
  if (document.name !== 'AccessControlPolicy' || lines === undefined || ownerId === undefined) {
    throw new LochError(
      'malformed_request',
      'The document must be an AccessControlPolicy with Owner and AccessControlList.',
    );
  }
  if (lines.children.length > MAX_GRANTS) {
    throw new LochError('malformed_request', `A list has at most ${MAX_GRANTS} grants, not ${lines.children.length}.`);
  }
  const grants: AccessGrant[] = [];
  for (const line of lines.children) {
    const permission = PERMISSIONS.find((known) => known === childText(line, 'Permission'));
    const grantee = child(line, 'Grantee');
    if (line.name !== 'Grant' || permission === undefined || grantee === undefined) {
      throw new LochError('malformed_request', `A Grant has a Grantee and a Permission of ${PERMISSIONS.join(', ')}.`);
    }
    grants.push({ grantee: await granteeOfElement(grantee, accounts), permission });
  }
  return { grants, owner: ownerId };
}

async function granteeOfElement(element: XmlElement, accounts: Accounts): Promise<AccessGrant['grantee']> {
  const kind = element.attributes?.type;
  const id = childText(element, 'ID');
  const uri = childText(element, 'URI');
  const email = childText(element, 'EmailAddress');
  if (kind === 'CanonicalUser' && id !== undefined) return accountGrantee(id, accounts);
  if (kind === 'Group' && uri !== undefined) return groupGrantee(uri);
  if (kind === 'AmazonCustomerByEmail' && email !== undefined) return emailGrantee(email, accounts);
  throw new LochError(
    'malformed_request',
    'A Grantee is a CanonicalUser with ID, a Group with URI, or a customer by email.',
  );
}

/** A list as the content of an `AccessControlPolicy` document. */
export async function aclRecord({ owner, grants }: AccessControlList, accounts: Accounts): Promise<XmlRecord> {
  return {
    Owner: await userRecord(owner, accounts),
    AccessControlList: {
      Grant: await Promise.all(
        // Groups first: suites and tools compare lists in this order.
        [...grants]
          .sort((a, b) => rank(a) - rank(b))
          .map(async ({ grantee, permission }) => ({
            Grantee: {
              '@xmlns:xsi': XSI,
              '@xsi:type': grantee.type,
              ...(grantee.type === 'Group' ? { URI: grantee.uri } : await userRecord(grantee.id, accounts)),
            },
            Permission: permission,
          })),
      ),
    },
  };
}

const rank = ({ grantee }: AccessGrant): number => (grantee.type === 'Group' ? 0 : 1);

/** An account as lists and listings show it. */
export async function userRecord(canonicalId: string, accounts: Accounts): Promise<XmlRecord> {
  const name = (await accounts.find({ canonicalId }))?.name;
  return { ID: canonicalId, ...(name === undefined ? {} : { DisplayName: name }) };
}
