/** What CloudTrail puts where a secret stood. */
const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

/** Names of members whose text is a secret, whatever service they belong to. */
const SECRET_NAME =
  /password|passphrase|secret(?!arn|id|name)|privatekey|sessiontoken|securitytoken|credentials$|authorization$/i;

/** Parameters above this size are left out of an event. **Source**: CloudTrail, "requestParameters": 100 KB. */
const MOST_BYTES = 100 * 1024;

/**
 * Request parameters or response elements as they may be recorded: secrets hidden, bytes and big integers as text,
 * nothing above 100 KB. The second line of defence: whoever fills them leaves secrets out in the first place.
 */
export function scrub(value: unknown, what: string): unknown {
  if (value === undefined || value === null) return null;
  const text = JSON.stringify(value, hideMember);
  if (text === undefined) return null;
  if (text.length > MOST_BYTES) return { omitted: true, originalSize: text.length, reason: `${what} too large` };
  return JSON.parse(text);
}

function hideMember(name: string, value: unknown): unknown {
  if (value !== null && value !== undefined && value !== '' && typeof value !== 'object' && SECRET_NAME.test(name)) {
    return HIDDEN;
  }
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return `<${value.byteLength} bytes>`;
  return value;
}
