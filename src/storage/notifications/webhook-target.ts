/**
 * HTTP endpoints as targets of notifications: `arn:loch:webhook:<region>:<account>:<url>`.
 *
 * Invariant: only hosts that the owner of the lake has named are ever called; who may set a bucket's notifications could
 * else make the server call what only the server can reach.
 */
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { parseArn } from '../../core/arn.ts';
import { LochError } from '../../core/errors.ts';

const TIMEOUT_MS = 10_000;
const SETTING = 'storage.notification_hosts';

/** What cannot be a target. */
export function refusedTarget(arn: string, why: string): LochError {
  return new LochError(
    'invalid_argument',
    `Unable to validate the following destination configurations: ${arn}: ${why}`,
    { context: { argument_name: arn, argument_value: why } },
  );
}

const matches = (host: string, pattern: string): boolean =>
  pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;

/** The address of a target. **Errors**: `invalid_argument` naming what can be a target, or the setting that names hosts. */
export function webhookOf(arn: string, hosts: readonly string[]): URL {
  if (!arn.startsWith('arn:loch:webhook:')) {
    const service = /^arn:aws:([^:]+):/.exec(arn)?.[1];
    throw refusedTarget(
      arn,
      `${service === undefined ? 'this is no ARN of a target' : `Loch has no ${service}`}. Targets are delivery streams (in a QueueConfiguration), arn:aws:firehose:REGION:ACCOUNT:deliverystream/NAME, HTTP endpoints, arn:loch:webhook:REGION:ACCOUNT:URL, and the rules inside Loch (EventBridgeConfiguration).`,
    );
  }
  const { resource } = parseArn(arn);
  const url = URL.canParse(resource) ? new URL(resource) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '') {
    throw refusedTarget(arn, 'the URL must be http:// or https://, without a user.');
  }
  if (hosts.some((pattern) => matches(url.hostname, pattern))) return url;
  throw refusedTarget(arn, `the host ${url.hostname} is not in \`${SETTING}\` (${hosts.join(', ') || 'empty'}).`);
}

/** Sends a message; resolves when the endpoint has answered 2xx. **Errors**: `unavailable`. */
export function sendWebhook(url: URL, message: string, signal: AbortSignal): Promise<void> {
  const body = Buffer.from(message);
  const headers = { 'content-type': 'application/json', 'content-length': body.length, 'user-agent': 'Loch-S3' };
  return new Promise((resolve, reject) => {
    const failed = (why: string, cause?: unknown) =>
      reject(
        new LochError('unavailable', `${url.origin}${url.pathname} did not take a notification: ${why}`, { cause }),
      );
    const send = url.protocol === 'https:' ? requestTls : requestPlain;
    const options = { method: 'POST', headers, signal, timeout: TIMEOUT_MS };
    const outgoing = send(url, options, (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 300) response.once('end', () => resolve());
      else failed(`it answered ${statusCode}`);
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    outgoing.once('error', (error) => failed(error.message, error));
    outgoing.end(body);
  });
}
